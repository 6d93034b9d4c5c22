"""A library changed for one module alone: other threads of the process may be using it."""

from types import SimpleNamespace


def own(monkeypatch, module, name, **instead):
    """Let `module` see `instead` in the library it imported as `name`; nobody else does."""
    library = getattr(module, name)
    monkeypatch.setattr(module, name, SimpleNamespace(**vars(library) | instead))
