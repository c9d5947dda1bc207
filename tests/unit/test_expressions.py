"""Regular expressions that are compiled when they are used first."""

import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import agent
from agent.machine.light.expressions import _Expression, regex


def test_an_expression_is_compiled_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = re.compile, list[str]()

    def note(text: str, flags: int = 0) -> "re.Pattern[str]":
        made.append(text)
        return real(text, flags)

    monkeypatch.setattr(re, "compile", note)
    each = regex("a(b)", re.IGNORECASE)
    assert made == []
    assert each.sub("-", "xABx") == "x-x"
    assert each.sub("-", "ab") == "-"
    assert made == ["a(b)"]
    assert each.pattern == "a(b)"


@pytest.fixture(scope="module")
def modules() -> list[ModuleType]:
    """Every module of the agent."""
    names = [each.name for each in pkgutil.walk_packages(agent.__path__, "agent.")]
    return [importlib.import_module(name) for name in names if not name.endswith("__main__")]


def test_no_module_compiles_one_while_it_is_imported(modules: list[ModuleType]) -> None:
    """Every command would pay for it: `regex` puts it off."""
    made = [f"{module.__name__}.{name}" for module in modules
            for name, value in vars(module).items() if isinstance(value, re.Pattern)]  # fmt: skip
    assert made == []


def test_every_expression_can_be_compiled(modules: list[ModuleType]) -> None:
    """What is wrong with one would be seen only where it is used."""
    found = [value for module in modules for value in vars(module).values()
             if isinstance(value, _Expression)]  # fmt: skip
    assert len(found) > 100
    assert all(isinstance(each.groups, int) for each in found)
