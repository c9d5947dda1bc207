"""scripts/updates.py: what apt would upgrade, and what of it is for security."""

import pytest

from scripts.updates import read_simulation

DEBIAN = (
    "Inst libzstd1 [1.5.4+dfsg2-5] (1.5.4+dfsg2-5+deb12u1 "
    "Debian-Security:12/oldstable-security [amd64])"
)
UBUNTU = (
    "Inst openssl [3.0.2-0ubuntu1.1] (3.0.2-0ubuntu1.20 "
    "Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])"
)
POINT_RELEASE = "Inst base-files [12.4+deb12u14] (12.4+deb12u15 Debian:12.15/oldstable [amd64]) []"
ADDED = "Inst linux-new (6.1 Debian-Security:12/oldstable-security [amd64])"


@pytest.mark.parametrize("line", [DEBIAN, UBUNTU])
def test_an_update_of_a_security_suite_counts(line: str) -> None:
    assert [update.is_security for update in read_simulation(line)] == [True]


def test_an_update_of_a_point_release_is_shown_only() -> None:
    (update,) = read_simulation(POINT_RELEASE)
    assert not update.is_security
    assert str(update) == "base-files 12.4+deb12u14 -> 12.4+deb12u15 (Debian:12.15/oldstable)"


def test_what_would_be_added_is_no_update() -> None:
    assert read_simulation(f"Reading package lists...\n{ADDED}\nConf libzstd1 (1.5)\n") == []
