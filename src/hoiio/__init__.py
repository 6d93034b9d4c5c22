"""Connect two phones: the client of the Hoiio voice API."""
