"""scripts/check-updates.sh asks the real mirrors which packages a security suite has newer."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.containers import BASE, docker

TOP = Path(__file__).resolve().parents[2]
PACKAGE, OLD = "libzstd1", "1.5.4+dfsg2-5"
"""A package that Debian 12's security suite has in a newer version than its first release."""


def check(**variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [TOP / "scripts/check-updates.sh", "base"],
        env=os.environ | variables, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    """The tag of a dev8-base that says it has the old version of the package."""
    if "bookworm" not in docker("run", "--rm", "--entrypoint", "cat", BASE, "/etc/os-release"):
        pytest.skip("the old version is Debian 12's")
    tag = f"test-{uuid.uuid4().hex[:8]}"
    script = (
        f"sed -i '/^Package: {PACKAGE}$/,/^$/s/^Version: .*/Version: {OLD}/' /var/lib/dpkg/status"
    )
    docker("run", "--user", "0", "--name", tag, "--entrypoint", "sh", BASE, "-c", script)
    try:
        docker("commit", tag, f"dev8-base:{tag}")
        yield tag
    finally:
        docker("rm", tag)
        docker("image", "rm", f"dev8-base:{tag}")


def test_a_package_that_is_behind_a_security_suite_fails_the_check(behind: str) -> None:
    done = check(VERSION=behind)
    assert done.returncode == 1, done.stderr
    assert f"{PACKAGE} {OLD} -> " in done.stdout
    assert "REFRESH=" in done.stderr


def test_an_image_that_is_not_there_is_one_line() -> None:
    done = check(VERSION="nowhere")
    assert done.returncode == 1
    assert done.stderr == "error: there is no image dev8-base:nowhere (make build IMAGE=base)\n"
