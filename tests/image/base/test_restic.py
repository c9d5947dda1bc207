"""restic, which makes the backups."""

import re

from testinfra.host import Host

from tests.image.conftest import make_folder


def test_restic_is_new_enough(host: Host) -> None:
    """0.18: exit codes, restore --delete, --retry-lock; 0.14 gave back a wrong link."""
    version = re.match(r"restic (\d+)\.(\d+)", host.check_output("restic version"))
    assert version
    assert tuple(map(int, version.groups())) >= (0, 18)


def test_restic_gives_back_what_it_took(host: Host) -> None:
    folder = make_folder(host, {"a": "1", "b c": "2"})
    restic = f"RESTIC_PASSWORD=x restic --quiet --repo {folder}-repository"
    host.run_expect([0], f"{restic} init && {restic} backup {folder} && rm {folder}/a")
    host.run_expect([0], f"{restic} check --read-data && {restic} restore latest --target /")
    assert host.check_output(f"cat {folder}/a '{folder}/b c'") == "12"
    host.run_expect([12], f"RESTIC_PASSWORD=wrong restic --repo {folder}-repository snapshots")
