"""The rule of ownership: what the agent wrote it may change and take back, nothing else."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.light.boot_file import Boot, Job
from agent.machine.planning.actions import MakeDirectory, RemoveFile, WriteFile
from agent.machine.planning.ledger import LEDGER, Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.planning.resources import (
    Closed,
    Directory,
    Edit,
    File,
    Generated,
    Private,
    Resource,
    Seed,
)
from agent.machine.system import Facts, System


class PlannedHome:
    """A home folder, a ledger, and one step's name."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ledger = Ledger()
        self.facts = Facts(home, os.getuid(), home / "run", home / "state", {})

    def plan(self, *wanted: Resource | Problem) -> Plan:
        return plan("step", wanted, self.facts, self.ledger)

    def configure(self, *wanted: Resource | Problem) -> list[str]:
        """Plan and apply as one life of the container does; return what was wrong."""
        self.ledger = LEDGER.decode(LEDGER.encode(self.ledger))
        planned = self.plan(*wanted)
        failed = apply(planned, System({}), self.ledger)
        return [str(problem) for problem in (*planned.problems, *failed)]


@pytest.fixture
def workspace(tmp_path: Path) -> PlannedHome:
    return PlannedHome(tmp_path)


def file(workspace: PlannedHome, content: bytes = b"ours", *, adopt: bool = False) -> File:
    return File(workspace.home / "file", content, 0o600, adopt)


def test_a_file_is_written_once_and_changed_when_it_should_be(workspace: PlannedHome) -> None:
    assert workspace.configure(file(workspace)) == []
    assert workspace.plan(file(workspace)).actions == ()
    assert workspace.configure(file(workspace, b"new")) == []
    assert (workspace.home / "file").read_bytes() == b"new"
    assert workspace.plan(file(workspace, b"new")).actions == ()


def test_a_file_of_the_user_is_left_alone_and_said_so(workspace: PlannedHome) -> None:
    (workspace.home / "file").write_bytes(b"theirs")
    (problem,) = workspace.configure(file(workspace))
    assert problem.startswith(f"left {workspace.home}/file alone")
    assert (workspace.home / "file").read_bytes() == b"theirs"
    assert workspace.configure() == []
    assert (workspace.home / "file").read_bytes() == b"theirs"


def test_a_file_that_the_user_changed_is_the_users(workspace: PlannedHome) -> None:
    workspace.configure(file(workspace))
    (workspace.home / "file").write_bytes(b"changed")
    assert len(workspace.configure(file(workspace, b"new"))) == 1
    assert workspace.configure() == []
    assert (workspace.home / "file").read_bytes() == b"changed"


def test_a_path_that_only_the_agent_uses_is_adopted(workspace: PlannedHome) -> None:
    (workspace.home / "file").write_bytes(b"left by an older version")
    assert workspace.configure(file(workspace, adopt=True)) == []
    assert (workspace.home / "file").read_bytes() == b"ours"


def test_a_mode_that_is_wrong_is_mended(workspace: PlannedHome) -> None:
    workspace.configure(file(workspace))
    (workspace.home / "file").chmod(0o644)
    workspace.configure(file(workspace))
    assert (workspace.home / "file").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_longer_wanted_is_taken_back(workspace: PlannedHome) -> None:
    workspace.configure(file(workspace))
    assert workspace.plan().actions == (RemoveFile(workspace.home / "file"),)
    workspace.configure()
    assert not (workspace.home / "file").exists()
    assert workspace.plan().actions == ()
    assert workspace.ledger.entries == {}


def test_only_its_own_step_takes_a_file_back(workspace: PlannedHome) -> None:
    workspace.configure(file(workspace))
    assert plan("other", (), workspace.facts, workspace.ledger).actions == ()


def test_a_seed_is_written_once_and_then_the_users(workspace: PlannedHome) -> None:
    seed = Seed(workspace.home / "seed", lambda: b"first")
    workspace.configure(seed)
    (workspace.home / "seed").write_bytes(b"theirs")
    assert workspace.plan(seed).actions == ()
    workspace.configure()
    assert (workspace.home / "seed").read_bytes() == b"theirs"


def test_a_command_makes_a_file_when_it_is_absent(workspace: PlannedHome) -> None:
    wanted = Generated(workspace.home / "folder" / "made", ("touch",))
    assert workspace.configure(wanted) == []
    assert (workspace.home / "folder" / "made").exists()
    assert workspace.plan(wanted).actions == ()


def test_a_folder_is_made_when_it_is_absent(workspace: PlannedHome) -> None:
    wanted = Directory(workspace.home / "folder", 0o750)
    workspace.configure(wanted)
    assert (workspace.home / "folder").stat().st_mode & 0o777 == 0o750
    (workspace.home / "folder").chmod(0o700)
    assert workspace.plan(wanted).actions == ()


@pytest.mark.parametrize(
    ("owner", "before", "after"),
    [
        ((os.getuid(), 0), 0o775, 0o755),
        ((os.getuid(), 0), 0o2770, 0o2750),
        ((os.getuid(), 0), 0o755, 0o755),
        ((os.getuid(), 0), 0o777, 0o777),  # a file system without modes, or on purpose
        ((os.getuid(), 1234), 0o775, 0o775),  # the user shares it with a group
        ((os.getuid() + 1, 0), 0o775, 0o775),  # it is not ours
    ],
)
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_closed_and_ours_loses_what_an_image_gives_to_group_0(
    workspace: PlannedHome,
    monkeypatch: pytest.MonkeyPatch,
    owner: tuple[int, int],
    before: int,
    after: int,
    kind: str,
) -> None:
    path = workspace.home / "given"
    path.mkdir() if kind == "folder" else path.touch()
    path.chmod(before)
    monkeypatch.setattr(Facts, "owner", lambda *_: owner)
    workspace.configure(Closed(path))
    assert path.stat().st_mode & 0o7777 == after
    assert workspace.plan(Closed(path)).actions == ()


def test_what_is_not_there_need_not_be_closed(workspace: PlannedHome) -> None:
    assert workspace.plan(Closed(workspace.home / "none")).actions == ()


@pytest.mark.parametrize(
    ("before", "bits", "after"),
    [(0o660, 0o077, 0o600), (0o2770, 0o077, 0o2700), (0o666, 0o022, 0o644), (0o600, 0o077, 0o600)],
)
def test_what_is_private_is_closed_to_group_and_others(
    workspace: PlannedHome, before: int, bits: int, after: int
) -> None:
    path = workspace.home / "given"
    path.touch()
    path.chmod(before)
    workspace.configure(Private(path, bits))
    assert path.stat().st_mode & 0o7777 == after
    assert workspace.plan(Private(path, bits)).actions == ()


def test_what_somebody_else_owns_is_not_ours_to_close(
    workspace: PlannedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workspace.home / "given"
    path.touch()
    path.chmod(0o666)
    monkeypatch.setattr(Facts, "owner", lambda *_: (12345, 0))
    assert workspace.plan(Private(path)).actions == ()


def test_an_edit_that_changes_nothing_closes_a_private_file_that_was_opened(
    workspace: PlannedHome,
) -> None:
    path = workspace.home / "users"
    path.write_bytes(b"a")
    path.chmod(0o660)
    workspace.configure(Edit(path, lambda present: present))
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o664)
    assert workspace.plan(Edit(path, lambda present: present, mode=0o644)).actions == ()


def test_an_edit_changes_a_file_of_the_user_and_never_widens_it(workspace: PlannedHome) -> None:
    path = workspace.home / "users"
    edit = Edit(path, lambda present: b"a" + (present or b"").lstrip(b"a"))
    workspace.configure(edit)
    assert path.read_bytes() == b"a"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"bc")
    path.chmod(0o400)
    workspace.configure(edit)
    assert path.read_bytes() == b"abc"
    assert path.stat().st_mode & 0o777 == 0o400
    assert workspace.plan(edit).actions == ()
    assert workspace.ledger.entries == {}


def test_an_edit_may_remove_a_file_or_refuse(workspace: PlannedHome) -> None:
    path = workspace.home / "users"
    path.write_bytes(b"x")
    assert workspace.configure(Edit(path, lambda _: Problem("not mine"))) == ["not mine"]
    assert path.read_bytes() == b"x"
    workspace.configure(Edit(path, lambda _: None))
    assert not path.exists()
    assert workspace.plan(Edit(path, lambda _: None)).actions == ()


def test_problems_of_a_step_are_passed_on_and_the_rest_is_done(workspace: PlannedHome) -> None:
    assert workspace.configure(Problem("bad key"), file(workspace)) == ["bad key"]
    assert (workspace.home / "file").exists()


def test_what_cannot_be_read_is_a_problem(workspace: PlannedHome) -> None:
    (workspace.home / "file").mkdir()
    assert workspace.configure(file(workspace)) == [
        f"cannot read {workspace.home}/file: Is a directory"
    ]


def test_a_step_that_cannot_read_loses_nothing(workspace: PlannedHome) -> None:
    workspace.configure(file(workspace))

    def fail() -> Iterator[Resource]:
        yield Directory(workspace.home / "before")
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/shadow")

    planned = plan("step", fail(), workspace.facts, workspace.ledger)
    assert [action.describe() for action in planned.actions] == [
        f"make folder {workspace.home}/before (0755)"
    ]
    assert planned.problems[0].message == "cannot read /etc/shadow: Permission denied"


def test_a_fault_of_a_step_costs_that_step_alone(workspace: PlannedHome) -> None:
    workspace.configure(file(workspace))

    def fail() -> Iterator[Resource]:
        yield Directory(workspace.home / "before")
        raise RecursionError("hunter2")

    planned = plan("step", fail(), workspace.facts, workspace.ledger)
    assert [action.path for action in planned.actions if isinstance(action, MakeDirectory)]
    assert RemoveFile(workspace.home / "file") not in planned.actions
    (problem,) = planned.problems
    assert problem.message.startswith("cannot plan the step step: internal error: RecursionError")
    assert "agent/machine/planning/plan.py:" in problem.message
    assert "hunter2" not in str(problem)


def test_a_fault_of_an_edit_costs_that_file_alone(workspace: PlannedHome) -> None:
    path = workspace.home / "users"
    path.write_bytes(b"theirs")

    def fail(_: bytes | None) -> bytes:
        raise KeyError("hunter2")

    (problem,) = workspace.configure(Edit(path, fail), file(workspace))
    assert problem.startswith(f"cannot plan {path}: internal error: KeyError at ")
    assert "hunter2" not in problem
    assert path.read_bytes() == b"theirs"
    assert (workspace.home / "file").exists()


def test_failures_are_summed_up_by_their_cause(workspace: PlannedHome) -> None:
    (workspace.home / "blocked").write_bytes(b"a file where a folder should be")
    wanted = [File(workspace.home / "blocked" / name, b"x") for name in "abc"]
    failed = workspace.configure(*wanted, file(workspace))
    assert failed == [
        f"cannot write {workspace.home}/blocked/a (1 bytes, 0644) and 2 more: Not a directory"
    ]
    assert (workspace.home / "file").read_bytes() == b"ours"
    assert list(workspace.ledger.entries) == [str(workspace.home / "file")]


def test_descriptions_and_values_hold_no_content() -> None:
    action = WriteFile(Path("/x"), b"hunter2", 0o600, True)
    assert "hunter2" not in action.describe() + repr(action) + repr(File(Path("/x"), b"hunter2"))


@pytest.mark.parametrize(
    "text", [None, b"", b"{", b"[]", b"[" * 99999, b'{"a": 1}', b'{"a": ["b"]}']
)
def test_a_damaged_ledger_is_an_empty_one(text: bytes | None) -> None:
    assert LEDGER.decode(text).entries == {}


def test_the_boot_file_is_json() -> None:
    job = Job("refresh", ("x",), 300.0, 60.0, watch=("/run/secrets/token",))
    boot = Boot(
        environment={"PATH": "/bin"}, log_format="auto", log_level=None, streams=("sshd",),
        supervisord=("supervisord",), essential=("sshd",), jobs=(job,), stop_timeout=8.0,
    )  # fmt: skip
    found = json.loads(boot.encode())
    assert found["environment"] == {"PATH": "/bin"}
    assert found["jobs"][0]["watch"] == ["/run/secrets/token"]
