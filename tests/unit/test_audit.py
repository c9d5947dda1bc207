"""Who was given a token: what is written by Python, and what is read whoever wrote it."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.commands import audit as verb
from agent.github import audit
from agent.github.audit import Caller
from agent.machine.light import runtime
from agent.machine.system import Facts
from tests.worlds.machine import make_facts

START = datetime(2026, 11, 29, tzinfo=UTC)
GOOD = b"60\tgit\tgithub.com\t40\tgit-remote-http:42 git:41\tocto/demo.git\tclaude"


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def make_processes(root: Path, *names: str) -> Path:
    """Make /proc of processes 1, 2, …, each the parent of the next."""
    for pid, name in enumerate(names, 1):
        (root / str(pid)).mkdir(parents=True)
        (root / f"{pid}/stat").write_text(f"{pid} ({name}) S {pid - 1} 0 0\n")
    return root


@pytest.mark.parametrize(
    ("names", "program", "pid"),
    [
        (("init", "claude"), "claude", 2),
        (("init", "claude", "bash", "git", "git-remote-http"), "claude", 2),
        (("init", "tmux: server", "zsh", "git"), "tmux: server", 2),
        (("bash", "git"), "", 0),
        (("init", "git (x) S 7", "sh"), "git (x) S 7", 2),
        (("init", "git-\tx", "sh"), "git-\tx", 2),
    ],
)
def test_shells_and_parts_of_git_are_between(
    tmp_path: Path, names: tuple[str, ...], program: str, pid: int
) -> None:
    asker, between = audit.find_asker(len(names), make_processes(tmp_path, *names))
    assert asker == Caller(program, pid)
    assert [each.program for each in between] == list(reversed(names[pid:]))


def test_a_chain_of_shells_ends(tmp_path: Path) -> None:
    asker, between = audit.find_asker(50, make_processes(tmp_path, *["sh"] * 50))
    assert (asker.program, asker.pid, len(between)) == ("sh", 34, 16)


def test_a_process_that_is_gone_is_nobody(tmp_path: Path) -> None:
    assert audit.find_asker(7, tmp_path) == (Caller("", 7), ())


def test_what_is_noted_is_read(facts: Facts) -> None:
    audit.note(facts, "token", "github.com")
    (entry,) = audit.read(facts)
    assert (entry.way, entry.hosts, entry.repository) == ("token", ("github.com",), "")
    assert abs(entry.time - datetime.now(UTC)) < timedelta(seconds=5)
    assert [each.pid for each in entry.through] + [entry.pid] != [os.getpid()]
    assert ((facts.runtime / runtime.AUDIT).stat().st_mode & 0o777) == 0o600


def test_a_line_tells_all() -> None:
    entry = audit.parse(GOOD, START)
    assert entry
    assert entry.time == START + timedelta(seconds=60)
    assert (entry.program, entry.pid, entry.repository) == ("claude", 40, "octo/demo")
    assert entry.through == (Caller("git-remote-http", 42), Caller("git", 41))


DAMAGED = {
    "cut off": lambda line: line[:30],
    "joined": lambda line: line[:25] + line,
    "no such way": lambda line: line.replace(b"\tgit\t", b"\tsteal\t", 1),
    "not a time": lambda line: b"x" + line,
    "endless": lambda line: b"1e999" + line,
    "no time at all": lambda line: line.replace(b"60", b"nan", 1),
    "empty": lambda _: b"",
    "binary": lambda _: bytes(range(11, 256)),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_lines_are_left_out(facts: Facts, damage: Callable[[bytes], bytes]) -> None:
    (facts.runtime / runtime.AUDIT).write_bytes(damage(GOOD) + b"\n" + GOOD + b"\n")
    assert [entry.program for entry in audit.read(facts)] == ["claude"]


def test_a_name_cannot_forge_what_stands_before_it(facts: Facts) -> None:
    evil = b"x\t99\tgit\tgithub.com\t1\t\t\tinnocent\x1b[2J\xff"
    (facts.runtime / runtime.AUDIT).write_bytes(GOOD.replace(b"claude", evil) + b"\n")
    (entry,) = audit.read(facts)
    assert (entry.pid, entry.program) == (40, evil.decode(errors="surrogateescape"))


def test_it_never_grows_beyond_two_records(facts: Facts) -> None:
    path = facts.runtime / runtime.AUDIT
    path.write_bytes((GOOD + b"\n") * (audit.LIMIT // (len(GOOD) + 1)))
    full = len(audit.read(facts))
    audit.note(facts, "exec", "github.com")
    assert len(audit.read(facts)) == full + 1
    assert path.with_name("audit.old").stat().st_size <= audit.LIMIT
    assert path.stat().st_size < 500


@pytest.mark.parametrize("what", ["missing", "folder", "link"])
def test_what_cannot_be_written_stops_nobody(facts: Facts, what: str, tmp_path: Path) -> None:
    path = facts.runtime / runtime.AUDIT
    if what == "missing":
        for each in facts.runtime.iterdir():
            each.rmdir()
        facts.runtime.rmdir()
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    audit.note(facts, "token", "github.com")
    assert not (tmp_path / "elsewhere").exists()


def test_rows_are_chosen_by_host_and_time() -> None:
    entries = [
        entry
        for line in (GOOD, GOOD.replace(b"github.com", b"github.com,ghe.example.com"),
                     GOOD.replace(b"60", b"120", 1))
        if (entry := audit.parse(line, START))
    ]  # fmt: skip
    assert verb.choose(entries, None, None) == entries
    assert verb.choose(entries, "ghe.example.com", None) == entries[1:2]
    assert verb.choose(entries, None, START + timedelta(seconds=100)) == entries[2:]


def test_a_row_for_people() -> None:
    entry = audit.parse(GOOD.replace(b"\t40\t", b"\t0\t").replace(b"claude", b""), START)
    assert entry
    cells = verb.make_cells(verb.describe(entry))
    assert cells[1:] == ("git", "41", "git", "github.com", "octo/demo", "git-remote-http")
    entry = audit.parse(b"60\ttoken\tgithub.com\t0\t\t\t", START)
    assert entry
    cells = verb.make_cells(verb.describe(entry))
    assert cells[1:] == ("outside the container", "-", "token", "github.com", "-", "-")


@pytest.mark.parametrize("text", ["2h", "90", "2026-11-29T10:00:00Z"])
def test_since_is_a_duration_or_a_time(text: str) -> None:
    assert verb.read_since(text) < datetime.now(UTC) + timedelta(days=9000)


@pytest.mark.parametrize("text", ["yesterday", "", "2026-11-29T10:00:00", "-5"])
def test_since_is_nothing_else(text: str) -> None:
    with pytest.raises(Exception, match="is not a duration such as 2h"):
        verb.read_since(text)


def test_python_and_the_shell_agree_on_what_is_between() -> None:
    script = Path(audit.__file__).with_name("helpers").joinpath("record.sh").read_text()
    (line,) = [line for line in script.splitlines() if "git | git-* |" in line]
    names = {name.strip(" );") for name in line.split("|")}
    assert names - {"git", "git-*"} == audit.SHELLS
    assert f'"$depth" -lt {audit.DEEPEST}' in script
    (blocks,) = [line for line in script.splitlines() if line.startswith("blocks=")]
    assert int(blocks.split()[0].removeprefix("blocks=")) * 512 == audit.LIMIT
