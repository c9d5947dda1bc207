"""A locale that the image does not have is replaced, and named once."""

import locale
from pathlib import Path

import pytest

from agent.machine import locales
from agent.settings import context

MISSING = {"LANG": "de_DE.ISO-8859-99", "LC_TIME": "no_WHERE.UTF-8"}


def test_only_what_the_c_library_lacks_is_missing() -> None:
    own = {"LC_MINE": "no_WHERE.UTF-8", "LANGUAGE": "xx", "LC_ALL": "", "LC_CTYPE": "C.UTF-8",
           "LC_NUMERIC": "POSIX"}  # fmt: skip
    before = locale.setlocale(locale.LC_ALL)
    assert locales.find_missing({**own, **MISSING}) == MISSING
    assert locales.find_missing(own) == {}
    assert locale.setlocale(locale.LC_ALL) == before


@pytest.mark.parametrize("value", ["a\0b", "../C.UTF-8", "x" * 5000, "LC_CTYPE=C;LC_TIME=C"])
def test_what_cannot_be_a_locale_is_missing(value: str) -> None:
    assert locales.find_missing({"LANG": value}) == {"LANG": value}


def test_nothing_is_replaced_where_the_usual_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locales, "is_here", lambda _: False)
    assert locales.find_missing(MISSING) == {}


def test_services_and_sessions_get_the_usual_one_and_one_line_says_so(tmp_path: Path) -> None:
    environ = {**MISSING, "LC_CTYPE": "POSIX", "HOME": str(tmp_path),
               "DEV8_RUNTIME_DIR": str(tmp_path / "run"),
               "DEV8_WORKSPACE": str(tmp_path)}  # fmt: skip
    current = context.from_environ(environ)
    found = {name: current.facts.environ[name] for name in ("LANG", "LC_TIME", "LC_CTYPE")}
    assert found == {"LANG": "C.UTF-8", "LC_TIME": "C.UTF-8", "LC_CTYPE": "POSIX"}
    (line,) = [str(problem) for problem in current.problems if "locale" in str(problem)]
    assert "LANG=de_DE.ISO-8859-99, LC_TIME=no_WHERE.UTF-8" in line
