"""Locales: which of those that LANG and LC_* name the C library does not have.

Programs warn of such a locale each time that they start, and do without UTF-8. The images have a
name for nearly every locale: docs/decisions/ssh-sessions.md.
"""

import locale
from collections.abc import Iterator, Mapping

from agent.machine.errors import Problem

USUAL = "C.UTF-8"
"""What the C library brings itself."""
NAMES = (
    "LANG", "LC_ALL", "LC_ADDRESS", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION",
    "LC_MEASUREMENT", "LC_MESSAGES", "LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER",
    "LC_TELEPHONE", "LC_TIME",
)  # fmt: skip
"""locale(7). Other names that begin with LC_ are somebody's own."""


def find_missing(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name a locale which is not here."""
    given = {name: environ[name] for name in NAMES if environ.get(name)}
    if not given or not is_here(USUAL):
        return {}
    return {name: value for name, value in given.items() if not is_here(value)}


def is_here(name: str) -> bool:
    """Tell whether programs can use this locale."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except (locale.Error, ValueError):
        return False
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return True


def explain(missing: Mapping[str, str]) -> Iterator[Problem]:
    """Yield one problem for variables that were replaced."""
    if missing:
        words = ", ".join(f"{name}={value}" for name, value in missing.items())
        yield Problem(
            f"cannot use {words}: the image has no such locale, so services and sessions get "
            f"{USUAL}",
            f"set {USUAL}, or add the package locales-all to the image",
        )
