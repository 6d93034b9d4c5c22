"""HTTP in: who asks, what they ask, and whether they may; one function an endpoint."""
