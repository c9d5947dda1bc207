"""What is loaded or made when it is used first: modules, and regular expressions.

Modules are not loaded by Python's `importlib.util.LazyLoader`: in Python 3.11 each `import` of such
a module asks for its `__spec__`, which already loads it.
"""

import importlib
import sys
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any, AnyStr

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


def regex(text: "AnyStr", flags: int = 0) -> "re.Pattern[AnyStr]":
    """Return a regular expression that is compiled when it is used first.

    A start uses one in ten of those that it imports, and to compile the others would take 5 ms.
    """
    return _Expression(text, flags)  # type: ignore[return-value]


class _Expression:
    """Stands in for a `re.Pattern`, and keeps what was used of it."""

    def __init__(self, text: "Any", flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> object:
        import re  # noqa: PLC0415 - the first life of init does without

        found: object = getattr(re.compile(*self._given), name)  # which keeps what it compiled
        setattr(self, name, found)
        return found
