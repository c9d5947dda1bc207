"""Modules that are loaded when they are used first."""

import importlib
import pkgutil
import re
import subprocess
import sys
from types import ModuleType

import pytest

import agent
from agent.machine import later

BEGIN = "import sys; from agent.machine import later\n"


def run(code: str) -> list[str]:
    """Return the lines that a new Python prints, without what `site` may have loaded."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", BEGIN + code],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "use",
    ["import inspect; inspect.signature(run)", "from inspect import signature; signature(run)"],
)
def test_an_import_loads_nothing_and_a_use_does(use: str) -> None:
    assert run(
        "def run(word): pass\n"
        "later.put_off('inspect'); import inspect, dataclasses\n"
        "print('ast' in sys.modules)\n"
        f"{use}\n"
        "print('ast' in sys.modules, sys.modules['inspect'].signature is inspect.signature)"
    ) == ["False", "True True"]


def test_what_is_not_in_it_is_refused_as_by_the_module() -> None:
    assert run(
        "later.put_off('inspect'); import inspect\n"
        "print(hasattr(inspect, 'no_such_name'), hasattr(inspect, 'no_such_name'))"
    ) == ["False False"]


def test_what_is_there_stays() -> None:
    assert run(
        "import inspect; own = inspect; later.put_off('inspect'); import inspect\n"
        "print(inspect is own)"
    ) == ["True"]


def test_commands_start_without_what_they_rarely_use() -> None:
    assert (
        run(
            "from agent.__main__ import main; main(['configure', '--help'])\n"
            "import agent.workspace.configure\n"
            "print(*{'ast', 'dis', 'tokenize', '_bz2', '_lzma'} & set(sys.modules))"
        )[-1]
        == ""
    )


def test_a_package_can_be_used_by_its_parts() -> None:
    assert run(
        "later.put_off('json'); import json\n"
        "print('json.encoder' in sys.modules)\n"
        "import json.tool; print(json.tool.__name__, json.dumps([1]))"
    ) == ["False", "json.tool [1]"]


def test_a_token_is_checked_without_what_only_an_app_needs() -> None:
    assert run(
        "import site; site.main()\n"
        "from agent.__main__ import main; main(['version'])\n"
        "import github; print('cryptography' in sys.modules)\n"
        "github.Auth.AppAuth('1', 'key'); print(github.Auth.jwt.encode.__name__)"
    )[-2:] == ["False", "encode"]


# --- regular expressions -------------------------------------------------------------------------


def test_an_expression_is_compiled_when_it_is_used() -> None:
    assert run(
        "import re; made = []; real = re.compile\n"
        "re.compile = lambda *given: made.append(given) or real(*given)\n"
        "each = later.regex('a(b)', re.IGNORECASE)\n"
        "print(made)\n"
        "print(each.fullmatch('AB')[1], each.sub('-', 'xabx'), each.pattern, len(made))"
    ) == ["[]", "B x-x a(b) 3"]


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
             if isinstance(value, later._Expression)]  # fmt: skip
    assert len(found) > 100
    assert all(isinstance(each.groups, int) for each in found)
