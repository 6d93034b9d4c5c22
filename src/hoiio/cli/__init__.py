"""The ``hoiio`` command."""
