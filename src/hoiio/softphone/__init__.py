"""A phone for tests, demos and terminals: rings, answers, plays a tone, tells what it hears."""
