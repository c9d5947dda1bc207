"""The host keys: always good for sshd, and if possible the same ones in the next container."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.formats import private_keys
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.storage.volumes import Mounts, Volume
from agent.machine.system import Facts, System
from agent.services import host_keys
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts
from tests.worlds.waiting import wait_until

NAMES = ("ssh_host_ed25519_key", "ssh_host_ecdsa_key")
COMPATIBLE = Settings.from_environ({"DEV8_SSH_ALGORITHMS": "compatible"})


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


@pytest.fixture(autouse=True, params=[True, False], ids=["begun before", "at once"])
def begins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try each test both ways: a start begins before other stages, `devcopilot plan` does not."""
    monkeypatch.setattr(Life, "begins", request.param)


class Life:
    """One life of a container: what it said, changed, and the keys that sshd got."""

    begins = True

    def __init__(self, facts: Facts, settings: Settings = COMPATIBLE) -> None:
        shutil.rmtree(facts.runtime / "ssh", ignore_errors=True)
        self.problems: list[str] = []
        self.changes: list[str] = []
        self._run(facts, settings)
        first, self.changes = self.changes, []
        self._run(facts, settings)
        assert self.changes == [], "the second run changed something"
        self.changes = first
        self.keys = [path.read_bytes() for path in host_keys.find_paths(settings, facts)]
        for path in host_keys.find_paths(settings, facts):
            assert path.stat().st_mode & 0o777 == 0o600
            subprocess.run(["ssh-keygen", "-y", "-P", "", "-f", path], check=True, timeout=120,
                           stdout=subprocess.DEVNULL)  # fmt: skip

    def _run(self, facts: Facts, settings: Settings) -> None:
        for planner in (host_keys.resources, host_keys.keep):
            context = Context({}, settings, facts)
            if self.begins:
                host_keys.begin(context)
            planned = plan("sshd", planner(context), facts, Ledger())
            failed = apply(planned, System(facts.environ), Ledger())
            self.problems += [str(item) for item in (*planned.problems, *failed)]
            self.changes += [action.describe() for action in planned.actions]


def test_they_are_being_made_before_their_stage(facts: Facts) -> None:
    context = Context({}, COMPATIBLE, facts)
    host_keys.begin(context)
    for path in host_keys.find_paths(COMPATIBLE, facts):
        wait_until(path.exists, f"{path} to be made")
    assert len(list(host_keys.resources(context))) == len(NAMES), "it waits for both to end"


def test_they_outlive_the_container(facts: Facts) -> None:
    first = Life(facts)
    assert len(set(first.keys)) == len(NAMES)
    for name, content in zip(NAMES, first.keys, strict=True):
        kept = facts.state / "ssh" / name
        assert kept.read_bytes() == content
        assert kept.stat().st_mode & 0o777 == 0o600
        made = subprocess.run(["ssh-keygen", "-y", "-f", kept], check=True, capture_output=True)
        assert kept.with_name(f"{name}.pub").read_bytes() == made.stdout
    again = Life(facts)
    assert (again.keys, again.problems) == (first.keys, [])


def test_a_copy_that_others_may_read_is_closed_again(facts: Facts) -> None:
    first = Life(facts)
    kept = facts.state / "ssh" / NAMES[0]
    kept.chmod(0o660)  # as an orchestrator does to the files of a volume
    assert Life(facts).keys == first.keys
    assert kept.stat().st_mode & 0o777 == 0o600


def test_keys_that_are_not_asked_for_now_are_there_later(facts: Facts) -> None:
    first = Life(facts)
    Life(facts, Settings.from_environ({}))
    assert Life(facts).keys == first.keys


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "half": lambda key: key[: len(key) // 2],
    "last-line-gone": lambda key: key.rsplit(b"\n", 2)[0] + b"\n",
    "zeros": lambda key: bytes(len(key)),
    "random": lambda key: os.urandom(len(key)),
    "a-block-of-zeros": lambda key: key[:100] + bytes(100) + key[200:],
    "another-kind": lambda _: b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_key_is_made_anew_and_told_once(facts: Facts, damage: str) -> None:
    first = Life(facts)
    kept = facts.state / "ssh" / NAMES[0]
    kept.write_bytes(DAMAGES[damage](first.keys[0]))
    second = Life(facts)
    assert second.keys[0] != first.keys[0]
    assert second.keys[1] == first.keys[1]
    (problem,) = second.problems
    assert f"{kept} is damaged" in problem
    assert "ssh-keygen -R" in problem
    third = Life(facts)
    assert (third.keys, third.problems) == (second.keys, [])


def test_a_folder_in_the_place_of_a_key_is_named(facts: Facts) -> None:
    kept = facts.state / "ssh" / NAMES[0]
    (kept / "inside").mkdir(parents=True)
    problems = Life(facts).problems
    assert problems
    assert all(f"cannot read {kept}" in problem for problem in problems)
    assert len(set(problems)) == 1


@pytest.mark.parametrize(
    "mounts", [Mounts(state=Volume(fault=28)), Mounts(state=Volume(mode=0o777))]
)
def test_sshd_has_good_keys_whatever_the_state_folder_is(facts: Facts, mounts: Mounts) -> None:
    assert Life(replace(facts, mounts=mounts)).problems == []
    assert (facts.state / "ssh").exists() != bool(mounts.state.fault)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_cut_at_any_place_is_noticed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "key"
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me", "-f", str(path)]
    subprocess.run(argv, check=True, timeout=120)
    key = path.read_bytes()
    assert (private_keys.find_public_key(key) or b"").split()[:2] == path.with_name(
        "key.pub"
    ).read_bytes().split()[:2]
    assert [size for size in range(len(key)) if private_keys.find_public_key(key[:size])] == []


def test_a_locked_key_is_no_host_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(path)]
    subprocess.run(argv, check=True, timeout=120)
    assert private_keys.find_public_key(path.read_bytes()) is None
