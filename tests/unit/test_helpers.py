"""The small programs that git and gh start, where they need neither an agent nor a GitHub."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.github import hosts
from agent.github.helpers import ask
from agent.github.token_fetch import MARGIN
from agent.machine.light.clock import Clock
from agent.workspace import git

GH = git.HELPER.with_name("gh")
TOKEN = "ghp_0123456789abcdef"
START = "ghp_from_the_start"
TOKEN_VARIABLES = (
    *hosts.find_token_variables("github.com"),
    *hosts.find_token_variables("ghe.example.com"),
)


class HelperDesk:
    """A runtime folder, and a PATH with gh's wrapper before what notes how it was called."""

    def __init__(self, root: Path) -> None:
        self.runtime = root / "runtime"
        self.calls = root / "calls"
        for folder in (self.runtime / "tokens", self.runtime / "secrets", root / "bin"):
            folder.mkdir(parents=True)
        (root / "front").mkdir()
        (root / "front/gh").symlink_to(GH)
        self._write_program(root / "bin/gh", "env")
        self._write_program(root / "bin/devcopilot", f'echo "$*" >>{self.calls}; echo secret')
        self._path = f"{root}/front:{root}/bin:{os.environ['PATH']}"

    def _write_program(self, path: Path, script: str) -> None:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def publish(self, *lines: str, host: str = "github.com") -> Path:
        path = self.runtime / "tokens" / host
        path.write_text("".join(f"{line}\n" for line in (*lines, *[""] * (5 - len(lines)))))
        return path

    def gh(self, **variables: str) -> dict[str, str]:
        """Return the environment that gh got."""
        environ = {"PATH": self._path, "DEV8_RUNTIME_DIR": str(self.runtime), **variables}
        done = subprocess.run(["gh"], env=environ, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def ask_helper(self, *lines: str, path: str = "/nowhere") -> tuple[list[str], str]:
        """Return what git's helper answers and says, when it finds no program but in `path`."""
        argv = ["/bin/sh", str(git.HELPER), str(self.runtime), sys.executable, "get"]
        done = subprocess.run(argv, env={"PATH": path}, capture_output=True, text=True, check=True,
                              input="".join(f"{line}\n" for line in (*lines, "")))  # fmt: skip
        return done.stdout.splitlines(), done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> HelperDesk:
    return HelperDesk(tmp_path)


def set_age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_one_margin_holds_for_all_who_ask() -> None:
    for script in (git.HELPER, GH):
        assert re.findall(r"^margin=(\d+) ", script.read_text(), re.MULTILINE) == [f"{MARGIN:.0f}"]


def test_the_pauses_between_tries_grow_and_end_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def refuse(*_: object) -> str:
        raise ConnectionResetError

    monkeypatch.setattr(ask, "_ask", refuse)
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    reason = ask.request_renewal(str(tmp_path), "github.com")
    assert reason == "no answer about the token of github.com within 30 s"
    assert pauses[:6] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]
    assert max(pauses) == 1.0
    assert sum(pauses) == pytest.approx(ask.DEADLINE)


# --- gh's wrapper, in a folder of another user's making


@pytest.mark.parametrize("other", ["a link", "another uid's"])
def test_gh_takes_nothing_from_a_folder_that_is_not_its_users(
    desk: HelperDesk, tmp_path: Path, other: str
) -> None:
    """Root's name in /dev/shm is free for whoever comes first, and so is that of each uid."""
    desk.publish(TOKEN, "1")
    planted = tmp_path / "planted"
    if other == "a link":
        planted.symlink_to(desk.runtime)
    else:
        if os.getuid() != 0:
            pytest.skip("only root can give a folder away")
        planted = desk.runtime
        os.chown(planted, 2000, 2000)
    desk.gh(DEV8_RUNTIME_DIR=str(planted))
    assert not desk.calls.exists(), "it would run what is found by that folder"
    assert not (desk.runtime / "audit").exists(), "which could be a link to any file of root's"


# --- git's helper


def test_the_usual_way_starts_no_program(desk: HelperDesk, tmp_path: Path) -> None:
    """The shell would say of each that it is not found."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    set_age(file, 60)
    desk.publish(TOKEN, str(int(Clock().uptime()) + 3600), "octo", "mark", str(file))
    for host in ("github.com", "github.com:443"):
        answer, said = desk.ask_helper("protocol=https", f"host={host}")
        assert (answer, said) == (["username=octo", f"password={TOKEN}"], "")


def make_missing(desk: HelperDesk, file: Path) -> None:
    desk.publish("")


def make_ended(desk: HelperDesk, file: Path) -> None:
    desk.publish(TOKEN, str(int(Clock().uptime()) - 5), "octo", "mark")


@pytest.mark.parametrize("make", [make_missing, make_ended])
def test_what_nobody_can_renew_is_a_reason_and_no_question(
    desk: HelperDesk, tmp_path: Path, make: Callable[[HelperDesk, Path], None]
) -> None:
    make(desk, tmp_path / "token")
    answer, said = desk.ask_helper("protocol=https", "host=github.com")
    assert answer == ["quit=1"]
    assert said == "devcopilot: cannot renew the token of github.com: the agent does not answer\n"


def test_another_account_may_still_be_asked_for_at_the_terminal(desk: HelperDesk) -> None:
    desk.publish(TOKEN, str(int(Clock().uptime()) - 5), "octo", "mark")
    assert desk.ask_helper("protocol=https", "host=github.com", "username=cat") == ([], "")


def test_what_is_older_than_its_file_is_handed_out_where_nobody_answers(
    desk: HelperDesk, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("ghp_newer")
    set_age(desk.publish(TOKEN, "", "octo", "mark", str(file)), 60)
    answer, said = desk.ask_helper("protocol=https", "host=github.com")
    assert answer == ["username=octo", f"password={TOKEN}"]
    assert "the agent does not answer" in said


# --- gh's wrapper


@pytest.mark.parametrize("variable", TOKEN_VARIABLES)
@pytest.mark.parametrize("stored", TOKEN_VARIABLES)
def test_gh_forgets_what_the_container_was_started_with(
    desk: HelperDesk, variable: str, stored: str
) -> None:
    (desk.runtime / "secrets" / stored).write_text(START)
    assert desk.gh(**{variable: START})[variable] == START, "no host has a source"
    desk.publish(TOKEN, host="ghe.example.com")
    assert variable not in desk.gh(**{variable: START})
    for quoted in (f'"{START}"', f"'{START}'", '""'):
        assert variable not in desk.gh(DEV8_RUNTIME_DIR=f'"{desk.runtime}"', **{variable: quoted})
    assert desk.gh(**{variable: "ghp_of_this_command"})[variable] == "ghp_of_this_command"


def test_gh_asks_for_every_host_whose_token_is_stale(desk: HelperDesk, tmp_path: Path) -> None:
    now = int(Clock().uptime())
    file = tmp_path / "token"
    file.write_text("ghp_newer")
    desk.publish(TOKEN, str(now + 3600), "octo", "mark", str(tmp_path / "gone"), host="fresh")
    desk.publish(TOKEN, host="endless")
    desk.publish(TOKEN, str(now + 60), host="soon")
    desk.publish("", host="missing")
    set_age(desk.publish(TOKEN, "", "octo", "mark", str(file), host="rotated"), 60)
    (desk.runtime / "tokens/missing.json").write_text("{}\n")
    (desk.runtime / "tokens/.being-written").write_text("\n")
    assert "secret" not in desk.gh().values()
    asked = desk.calls.read_text().splitlines()
    assert asked == [f"token --host {host}" for host in ("missing", "rotated", "soon")]


def test_gh_asks_for_nothing_where_nothing_is_published(desk: HelperDesk) -> None:
    desk.gh()
    assert not desk.calls.exists()
