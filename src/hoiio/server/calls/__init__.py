"""What a call is: state machines without I/O, and the controller that runs them."""
