"""What git's helper and gh's wrapper put on record, in the shell's own commands."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.github import audit
from agent.github.audit import Entry
from agent.machine.light.clock import Clock
from agent.machine.system import Facts
from agent.workspace import git
from tests.worlds.machine import make_facts
from tests.worlds.needs import need

GH = git.HELPER.with_name("gh")
TOKEN = "ghp_0123456789abcdef"
QUESTION = "protocol=https\nhost=github.com\n"
URL = "https://github.com/octo/demo.git"
CHAIN = """
import ctypes, json, os, subprocess, sys
names, argv = json.loads(os.environ.pop("CHAIN"))
for name in names:
    if os.fork():
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    ctypes.CDLL(None).prctl(15, os.fsencode(name), 0, 0, 0)  # PR_SET_NAME
print(os.getpid(), file=sys.stderr, flush=True)
os._exit(subprocess.run(argv).returncode)
"""
"""Processes with these names, each the child of the one before; the last runs a command. Their last
argument is the URL, as that of git's transport is."""


class Desk:
    """A runtime folder with a token, and those who ask for it."""

    def __init__(self, root: Path) -> None:
        self.facts: Facts = make_facts(root)
        self.record = self.facts.runtime / "audit"
        (self.facts.runtime / "tokens/github.com").write_text(f"{TOKEN}\n\nocto\nmark\n\n")
        for name in ("front", "bin"):
            (root / name).mkdir()
        (root / "front/gh").symlink_to(GH)
        (root / "bin/gh").write_text("#!/bin/sh\necho gh runs\nulimit -f\ntrap\n")
        (root / "bin/gh").chmod(0o755)
        self.environ = {
            "PATH": f"{root}/front:{root}/bin:{os.environ['PATH']}",
            "DEV8_RUNTIME_DIR": str(self.facts.runtime),
        }
        self.script = root / "chain"
        self.script.write_text(CHAIN)
        self.helper: tuple[str, ...] = (
            "/bin/sh",
            str(git.HELPER),
            str(self.facts.runtime),
            sys.executable,
            "get",
        )

    def ask(
        self, *names: str, url: str = URL, question: str = QUESTION, argv: tuple[str, ...] = ()
    ) -> tuple[str, int]:
        """Have the last of these processes ask; return what it got, and its process id."""
        given = {**self.environ, "CHAIN": json.dumps((names, argv or self.helper))}
        words = (sys.executable, str(self.script), "origin", url)
        done = subprocess.run(words, input=question + "\n", capture_output=True, text=True,
                              check=True, env=given, timeout=120)  # fmt: skip
        pid, *rest = done.stderr.splitlines()
        assert rest == []
        return done.stdout, int(pid)

    def read(self) -> list[Entry]:
        return audit.read(self.facts)

    def see(self, *names: str, url: str = URL, question: str = QUESTION) -> Entry:
        """Return what is on record once the last of these processes has got the token."""
        answer, _ = self.ask(*names, url=url, question=question)
        assert answer.splitlines()[-1] == f"password={TOKEN}"
        return self.read()[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


TRANSPORT = ("git", "git-remote-https")


def test_the_program_is_the_first_parent_that_is_no_shell_and_not_git(desk: Desk) -> None:
    before = Clock().now()
    _, pid = desk.ask("claude", "bash", *TRANSPORT)
    (entry,) = desk.read()
    assert abs((entry.time - before).total_seconds()) < 10
    assert (entry.way, entry.hosts, entry.repository) == ("git", ("github.com",), "octo/demo")
    assert entry.program == "claude"
    assert [each.program for each in entry.through] == ["git-remote-http", "git", "bash"]
    assert entry.through[0].pid == pid
    assert TOKEN not in desk.record.read_text()
    assert desk.record.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://octo:hunter2@github.com/octo/demo.git?key=hunter2", "octo/demo"),
        ("https://hunter2@github.com:443/octo/demo#hunter2", "octo/demo"),
        ("https://gist.github.com/0123abc.git", "0123abc"),
        ("https://elsewhere.example.com/octo/demo", ""),
        ("https://github.com/octo/a\tb\tc", "octo/a"),
        ("https://github.com/octo/a\nb", "octo/a"),
        ("https://github.com/octo/\x1b[2J\u202eb", "octo/\x1b[2J\u202eb"),
        ("https://github.com/" + "x" * 5000, "x" * 300),
        ("https://github.com", ""),
        ("git@github.com:octo/demo", ""),
        ("", ""),
    ],
)
def test_the_repository_is_the_path_of_the_url(desk: Desk, url: str, repository: str) -> None:
    entry = desk.see("make", *TRANSPORT, url=url)
    assert (entry.program, entry.repository) == ("make", repository)
    assert len(desk.record.read_bytes().splitlines()) == 1
    assert "hunter2" not in desk.record.read_text()


def test_git_may_give_the_path_itself(desk: Desk) -> None:
    entry = desk.see("make", *TRANSPORT, question=QUESTION + "path=octo/other.git?key=hunter2\n")
    assert entry.repository == "octo/other"
    assert "hunter2" not in desk.record.read_text()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x\ty\t1", "x\ty\t1"),
        ("sh\n1\tgit\tz", "sh"),
        ("\x1b]0;x\x07", "\x1b]0;x\x07"),
        ("git-\t9", "git-\t9"),
        ("a:1 b", "a:1 b"),
        ("$(id)`id`", "$(id)`id`"),
        ("\\n%s*", "\\n%s*"),
    ],
)
def test_a_malicious_name_forges_nothing(desk: Desk, name: str, shown: str) -> None:
    desk.ask("make", name, *TRANSPORT)
    (entry,) = desk.read()
    assert len(desk.record.read_bytes().splitlines()) == 1
    assert (entry.way, entry.hosts, entry.repository) == ("git", ("github.com",), "octo/demo")
    if shown == "sh":  # it calls itself a shell
        assert (entry.program, entry.through[-1].program) == ("make", "sh")
    else:
        assert entry.program == shown


def test_what_gets_nothing_is_not_on_record(desk: Desk) -> None:
    assert (
        desk.ask("make", question="protocol=https\nhost=elsewhere.example.com\n")[0]
        == "gh runs\nunlimited\n"
    )
    assert desk.ask("make", question="protocol=http\nhost=github.com\n")[0] == ""
    assert desk.ask("make", question=QUESTION + "username=cat\n")[0] == ""
    found = [(entry.way, *entry.hosts) for entry in desk.read()]
    assert found == [("gh", "github.com"), ("git", "elsewhere.example.com")], "gh gave one"


def test_each_start_of_gh_is_on_record_and_gh_is_as_before(desk: Desk) -> None:
    (desk.facts.runtime / "tokens/ghe.example.com").write_text(f"{TOKEN}\n\n\n\n\n")
    answer, _ = desk.ask("copilot", "bash", argv=("gh", "api", "user"))
    assert answer == "gh runs\nunlimited\n"
    (entry,) = desk.read()
    assert (entry.way, entry.hosts) == ("gh", ("ghe.example.com", "github.com"))
    assert (entry.program, [each.program for each in entry.through]) == ("copilot", ["bash"])


def test_a_full_record_becomes_the_one_before(desk: Desk) -> None:
    desk.see("first", *TRANSPORT)
    line = desk.record.read_bytes()
    desk.record.write_bytes(line * (audit.LIMIT // len(line)))
    full = len(desk.read())
    desk.see("next", *TRANSPORT)
    assert [entry.program for entry in desk.read()] == ["first"] * full + ["next"]
    assert desk.record.stat().st_size < 1000
    assert desk.record.with_name("audit.old").stat().st_size <= audit.LIMIT


def test_many_at_once_lose_no_line_while_records_change(desk: Desk) -> None:
    desk.record.write_bytes(b"x\n" * (audit.LIMIT // 2 - 200))
    script = 'i=0; while [ $i -lt 25 ]; do i=$((i+1)); echo "$1" | "${@:2}"; done'
    argv = ["bash", "-c", script, "-", QUESTION + "\n", *desk.helper]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    answers = "".join(process.communicate()[0] for process in running)
    assert answers.count(f"password={TOKEN}\n") == 200
    assert len(desk.read()) == 200


def make_read_only(desk: Desk) -> None:
    desk.record.mkdir()  # for root, no folder is read-only


def make_gone(desk: Desk) -> None:
    desk.record.symlink_to("/nowhere/audit")


def make_full(desk: Desk) -> None:
    desk.record.symlink_to("/dev/full")


@pytest.mark.parametrize("damage", [make_read_only, make_gone, make_full])
def test_what_cannot_be_written_stops_no_token(desk: Desk, damage: object) -> None:
    assert callable(damage)
    damage(desk)
    answer, _ = desk.ask("make", *TRANSPORT)
    assert answer.splitlines()[-1] == f"password={TOKEN}"


def test_a_small_limit_of_files_stops_no_token(desk: Desk) -> None:
    desk.record.write_bytes(b"x" * 4096)
    done = subprocess.run(
        desk.helper, input=QUESTION + "\n", capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == f"password={TOKEN}"
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_other_shells_do_the_same(desk: Desk, shell: str) -> None:
    program = shutil.which(shell)
    need(program, f"needs {shell}")
    words = [str(program), "sh" if shell == "busybox" else "--posix"]
    desk.helper = (*words, *desk.helper[1:])
    entry = desk.see("claude", "zsh", *TRANSPORT)
    assert (entry.program, entry.repository) == ("claude", "octo/demo")
    desk.record.write_bytes(b"x\n" * (audit.LIMIT // 2))
    desk.see("next", *TRANSPORT)
    assert desk.record.stat().st_size < 1000
