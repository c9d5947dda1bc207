"""Modules that are loaded when something of them is used first, and not when they are imported.

Not by Python's `importlib.util.LazyLoader`: in Python 3.11 each `import` of such a module asks for
its `__spec__`, which already loads it.
"""

import importlib
import sys
from types import ModuleType

RARELY_USED = ("bz2", "inspect", "jwt", "locale", "lzma")
"""What `dataclasses`, `shutil` and `subprocess` import, and hardly ever need: 8 ms of each command;
PyGithub needs `jwt` for Apps only, and that loads `cryptography`: a quarter of each refresh."""


def put_off(*names: str) -> None:
    """Load these modules when something of them is used first; those that are there stay."""
    for name in names:
        sys.modules.setdefault(name, _Later(name))


class _Later(ModuleType):
    """Stands in for a module, and takes over what is in it."""

    def __getattr__(self, name: str) -> object:
        own = self.__name__
        if sys.modules.get(own) is self:
            sys.modules.pop(own, None)  # not `del`: another thread may be here
        vars(self).update(vars(importlib.import_module(own)))
        try:
            found: object = vars(self)[name]
        except KeyError:
            raise AttributeError(f"module {own!r} has no attribute {name!r}") from None
        return found
