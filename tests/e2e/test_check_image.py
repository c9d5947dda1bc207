"""`make check-image` names in plain words what an image lacks. Ours lack nothing: tests/image."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.containers import BASE
from tests.worlds.strangers import built, check_image

STRIPPED = """
FROM {image}
USER 0
RUN rm /usr/bin/git /usr/sbin/sshd /usr/local/bin/restic /etc/gitconfig; \
    chown 0:0 /workspace && chmod 0755 /workspace
ENV LANG=POSIX
USER 1000:1000
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.CompletedProcess[str]]:
    """What is said of dev8-base without a few things."""
    folder = tmp_path_factory.mktemp("stripped")
    (folder / "Dockerfile").write_text(STRIPPED.format(image=BASE))
    with built(folder / "Dockerfile", folder) as name:
        yield check_image(name)


def test_each_thing_that_is_missing_is_a_line_with_what_fixes_it(
    said: subprocess.CompletedProcess[str],
) -> None:
    assert said.returncode == 1
    lines = said.stdout.splitlines()
    assert "missing: git (apt-get install git)" in lines
    assert "missing: sshd (apt-get install openssh-server)" in lines
    for start in (
        "missing: restic, which makes the backups (",
        "missing: a WORKSPACE_DIR that its user can write (",
        "missing: a language with UTF-8 (",
        "problem: cannot write the workspace /workspace: ",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, (start, lines)


def test_what_is_there_is_not_spoken_of(said: subprocess.CompletedProcess[str]) -> None:
    for name in ("gh", "ssh", "ps", "the agent", "certificates"):
        assert f"missing: {name} " not in said.stdout


def test_an_image_that_is_not_there_is_one_line() -> None:
    done = check_image(f"dev8-test-none:{uuid.uuid4().hex}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: cannot find the image dev8-test-none:")


def test_no_image_is_one_line() -> None:
    script = Path(__file__).resolve().parents[2] / "scripts/check-image.sh"
    done = subprocess.run([script], check=False, capture_output=True, text=True)
    assert done.stderr == "error: no image is named (make check-image IMAGE=name)\n"
