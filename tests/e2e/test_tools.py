"""Every tool runs, and programs in every language, whichever way a person comes in.

The editor's terminal is in test_editor.py.
"""

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import HARDENED, WORKSPACE, Container, docker
from tests.worlds.tools import (
    find_image,
    find_missing,
    list_programs,
    write_programs,
    write_script,
)

IMAGE = find_image(WORKSPACE)
SCRIPT = write_script(IMAGE)
COMPILING = 300.0
"""Seconds that all compilers may take on a busy machine."""


@pytest.fixture(scope="module")
def hardening() -> tuple[str, ...]:
    """The strictest container alone: what works in it works in a plain one (tests/image).

    The plain one's PATH is in test_journey.py; test_first_minute.py has it in the editor.
    """
    return HARDENED


def test_in_a_login_shell(box: Container) -> None:
    assert find_missing(IMAGE, box.execute("bash", "-lc", SCRIPT)) == {}


def test_in_an_ssh_command(box: Container, login: Login) -> None:
    assert find_missing(IMAGE, login.run(box, SCRIPT)) == {}


def test_a_program_in_each_language_runs_over_ssh(box: Container, login: Login) -> None:
    """Compiled and run in the image, from nothing but what it has."""
    report = login.run(box, write_programs(IMAGE), timeout=COMPILING)
    assert [line.split()[0] for line in report.splitlines()] == list_programs(IMAGE)


INSTALLED = (".local/bin", ".bun/bin", ".cargo/bin")
"""Where package managers put programs: pip, pipx, npm, pnpm, yarn and go; bun; cargo."""
LOOK = "for number in 0 1 2; do command -v mine-$number; done"


def test_what_people_install_is_found_whichever_way_they_come_in(
    box: Container, login: Login
) -> None:
    wanted = [f"/home/dev8/{folder}/mine-{number}" for number, folder in enumerate(INSTALLED)]
    for path in wanted:
        script = f"mkdir -p $(dirname {path}) && echo 'echo fine' >{path} && chmod +x {path}"
        box.execute("sh", "-c", script)
    for words in (("sh", "-c"), ("bash", "-lc"), ("bash", "-ic")):
        assert box.execute(*words, LOOK).split() == wanted
    assert login.run(box, LOOK).split() == wanted
    environ = "tr '\\0' '\\n' </proc/$(pgrep -of code-server)/environ | sed -n 's/^PATH=//p'"
    service = box.execute("sh", "-c", environ)
    assert box.execute("env", f"PATH={service}", "sh", "-c", LOOK).split() == wanted
    assert box.execute("env", "mine-1") == "fine"


def test_what_people_install_comes_before_the_images_own(box: Container, login: Login) -> None:
    for path in ("~/.local/bin/jq", "~/.cargo/bin/rg"):
        script = (
            f"mkdir -p $(dirname {path}) && echo '#!/bin/sh\necho newer' >{path} && chmod +x {path}"
        )
        box.execute("sh", "-c", script)
    try:
        for name in ("jq", "rg"):
            assert login.run(box, name).strip() == "newer"
            for words in (("bash", "-lc"), ("bash", "-ic"), ("sh", "-lc")):
                assert box.execute(*words, name) == "newer"
            assert box.execute("env", "-i", "HOME=/home/dev8", "bash", "-lc", name) == "newer"
            assert docker("exec", "--user", "0", box.name, name, "--version") != "newer"
    finally:
        box.execute("sh", "-c", "rm ~/.local/bin/jq ~/.cargo/bin/rg")
