"""Modules that are loaded when they are used first."""

import subprocess
import sys

import pytest

BEGIN = "import sys; from agent.machine.light import later\n"


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
