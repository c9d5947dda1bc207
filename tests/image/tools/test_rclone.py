"""rclone, through which restic reaches Azure."""

import pytest
from testinfra.host import Host

from tests.image.conftest import make_folder

pytestmark = pytest.mark.needs_tools("rclone")


def test_restic_keeps_it_behind_rclone(host: Host) -> None:
    """The way to Azure: this restic has no client for it, this rclone has one."""
    folder = make_folder(host, {"a": "1"})
    restic = f"RESTIC_PASSWORD=x restic --quiet --repo rclone::local:{folder}-repository"
    host.run_expect([0], f"{restic} init && {restic} backup {folder}")
    assert host.check_output(f"{restic} dump latest {folder}/a") == "1"
    assert "azureblob" in host.check_output("rclone help backends")


def test_rclone_copies(host: Host) -> None:
    folder = make_folder(host, {"a": "1", "b": "2"})
    host.run_expect(
        [0], f"rclone copy {folder} {folder}-copy && rclone check {folder} {folder}-copy"
    )
    host.run_expect([0], f"rm {folder}-copy/a")
    host.run_expect([1], f"rclone check {folder} {folder}-copy")
