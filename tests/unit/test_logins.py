"""Where sshd looks for the keys of logins, and whether it looks at modes."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.light.files import SETTINGS
from agent.machine.storage.volumes import Mounts, Volume
from agent.machine.system import Facts
from agent.services.logins import find_logins
from agent.settings.everything import Settings
from agent.workspace import ssh
from tests.worlds.machine import Machine, make_facts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
GIVEN = Settings.from_environ({"SSH_PUBLIC_KEY": KEY})
FULL = Mounts(home=Volume(fault=28), state=Volume(fault=28))


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    made = make_facts(tmp_path)
    made.home.chmod(0o700)
    return made


def on_a_share(facts: Facts) -> Facts:
    facts.home.chmod(0o777)
    share = Volume(facts.home.stat().st_dev, mode=0o777)
    return replace(facts, mounts=Mounts(home=share, state=share))


def test_they_lie_in_the_state_folder_and_sshd_looks_at_modes(facts: Facts) -> None:
    found = find_logins(GIVEN, facts)
    kept = str(facts.state / "ssh/authorized_keys")
    assert (found.files, found.strict, found.problems) == ((".ssh/authorized_keys", kept), True, ())


@pytest.mark.parametrize("case", ["full", "share"])
def test_they_lie_in_the_runtime_folder_where_the_state_folder_is_no_use(
    facts: Facts, case: str
) -> None:
    given = replace(facts, mounts=FULL) if case == "full" else on_a_share(facts)
    found = find_logins(GIVEN, given)
    kept = str(facts.runtime / "ssh/authorized_keys")
    assert (found.files, found.strict, found.problems) == (
        (".ssh/authorized_keys", kept),
        False,
        (),
    )


def test_without_a_look_at_modes_the_users_list_counts_only_if_it_is_closed(facts: Facts) -> None:
    own = facts.home / ".ssh/authorized_keys"
    own.parent.mkdir(mode=0o700)
    own.write_text(KEY)
    own.chmod(0o666)
    facts.home.chmod(0o770)
    found = find_logins(GIVEN, replace(facts, mounts=FULL))
    assert found.files == (str(facts.runtime / "ssh/authorized_keys"),)
    hints = [problem.hint for problem in found.problems]
    assert hints == [f"chmod go-w {own}"]
    own.chmod(0o600)
    facts.home.chmod(0o700)
    assert len(find_logins(GIVEN, replace(facts, mounts=FULL)).files) == 2


@pytest.mark.parametrize("mounts", [FULL, Mounts(state=Volume(mode=0o777))])
def test_the_step_writes_them_where_sshd_looks(tmp_path: Path, mounts: Mounts) -> None:
    machine = Machine(tmp_path, ssh.resources)
    machine.configure(SSH_PUBLIC_KEY=f"{KEY} old")
    machine.facts = replace(machine.facts, mounts=mounts)
    assert machine.configure(SSH_PUBLIC_KEY=f"{KEY} new") == []
    found = find_logins(GIVEN, machine.facts)
    listed = [Path(name).read_text() for name in found.files if Path(name).is_absolute()]
    assert listed == [f"{KEY} new\n"], "not the old one, which may not be let in any more"


def test_a_list_without_any_key_locks_nobody_out_on_a_full_home(tmp_path: Path) -> None:
    machine = Machine(tmp_path, ssh.resources)
    machine.configure(SSH_PUBLIC_KEY=KEY)
    machine.facts = replace(machine.facts, mounts=FULL)
    assert machine.configure(SSH_PUBLIC_KEY="nonsense")
    assert (machine.facts.runtime / "ssh/authorized_keys").read_text() == f"{KEY}\n"


def make_list(facts: Facts, *options: str) -> None:
    path = facts.state / "ssh/authorized_keys"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{each} {KEY} me\n" for each in options))


@pytest.mark.parametrize(
    "options",
    [
        'command="/bin/false"',
        'command="/bin/false",no-pty',
        'permitopen="localhost:3000"',
        'restrict,port-forwarding,permitopen="localhost:3000"',
        'no-port-forwarding,port-forwarding,PermitListen="8000"',
        '\tfrom="10.0.0.0/8,\\"x\\"",Command="a b"',
    ],
)
def test_where_a_key_is_limited_and_may_forward_nobody_forwards_sockets(
    facts: Facts, options: str
) -> None:
    make_list(facts, 'from="10.0.0.0/8"', options)
    found = find_logins(GIVEN, facts)
    assert not found.sockets
    (problem,) = found.problems
    assert f"a key in {facts.state / 'ssh/authorized_keys'} has command=" in problem.message
    own = facts.home / ".ssh/authorized_keys"
    own.parent.mkdir(mode=0o700)
    (facts.state / "ssh/authorized_keys").rename(own)
    assert not find_logins(GIVEN, facts).sockets, "the user's own list counts as well"


def test_a_line_that_ends_within_its_options_does_not_hold_the_start_up(facts: Facts) -> None:
    make_list(facts, 'command="/bin/false"')
    path = facts.state / "ssh/authorized_keys"
    path.write_text('command="' + r"\"" * 10_000 + "\n" + path.read_text())
    assert not find_logins(GIVEN, facts).sockets


def test_a_limited_key_is_found_in_a_long_list(facts: Facts) -> None:
    make_list(facts, *["#"] * 20_000, 'command="/bin/false"')
    assert (facts.state / "ssh/authorized_keys").stat().st_size > SETTINGS
    assert not find_logins(GIVEN, facts).sockets


@pytest.mark.parametrize(
    "options",
    [
        "",
        "#",
        'restrict,command="/bin/false"',
        'port-forwarding,restrict,command="/bin/false"',
        'command="/bin/false",no-port-forwarding',
        'from="10.0.0.0/8",environment="command=x"',
    ],
)
def test_sockets_are_forwarded_where_no_key_is_limited_or_it_forwards_nothing(
    facts: Facts, options: str
) -> None:
    make_list(facts, options)
    found = find_logins(GIVEN, facts)
    assert (found.sockets, found.problems) == (True, ())
