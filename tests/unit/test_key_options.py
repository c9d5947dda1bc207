"""Options of login keys, judged as sshd does; tests/e2e/test_sshd.py asks sshd itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.workspace import key_options, ssh
from tests.worlds.machine import Machine
from tests.worlds.option_lines import GOOD, REFUSED

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
AUTHORIZED = ".local/state/devcopilot/ssh/authorized_keys"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("options", GOOD)
def test_what_sshd_takes_has_no_fault(options: str) -> None:
    assert key_options.find_option_fault(options) is None


@pytest.mark.parametrize("options", REFUSED)
def test_what_sshd_refuses_has_one(options: str) -> None:
    assert key_options.find_option_fault(options)


def test_a_line_that_sshd_refuses_is_left_out_and_named(tmp_path: Path) -> None:
    machine = Machine(tmp_path, ssh.resources)
    text = f'permitopen="db" {KEY} me\ntunnel="x" {KEY} you\nrestrict {KEY} all\n'
    assert machine.configure(SSH_PUBLIC_KEY=text) == [
        "cannot use line 1 of SSH_PUBLIC_KEY: permitopen has no valid port: give 1 to 65535, or *",
        "cannot use line 2 of SSH_PUBLIC_KEY: tunnel must be the number of a tunnel device, or any",
    ]
    assert machine.read(AUTHORIZED) == f"restrict {KEY} all\n"


def test_no_fault_repeats_a_value() -> None:
    for options in REFUSED:
        assert "hunter2" not in (key_options.find_option_fault(options) or "")


@pytest.mark.parametrize(
    ("options", "doubt"),
    [
        ('from="10.0.0.0/8,*.1,2001:db8::/32,!10.1.0.0/16"', None),
        ('from="laptop.example.com"', "match no address"),
        ('from="10.0.0.1, 10.0.0.2"', "match no address"),
        ('from="10.0.*/8"', "match no address"),
        ('from="*"', None),
        ('expiry-time="20200101"', "has expired"),
        ('expiry-time="202001010000UTC"', "has expired"),
        ('Expiry-Time="20300101z"', None),
        ('command="expiry-time=20200101"', None),
    ],
)
def test_what_lets_nobody_in_is_doubted(options: str, doubt: str | None) -> None:
    found = key_options.find_option_doubt(options, NOW)
    assert found is None if doubt is None else doubt in (found or "")


def test_the_comment_of_a_key_without_options_is_no_option(tmp_path: Path) -> None:
    machine = Machine(tmp_path, ssh.resources)
    assert machine.configure(SSH_PUBLIC_KEY=f'{KEY} expiry-time="20200101"') == []
