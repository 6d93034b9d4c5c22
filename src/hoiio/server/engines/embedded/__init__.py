"""The engine that comes with pip: baresip and a numpy mixer in a supervised child process."""
