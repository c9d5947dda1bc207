"""A container whose uid the image does not know: `docker run --user 12345:0`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.conftest import ENGINE, IDLE, Image
from tests.worlds.containers import ANY_UID, NO_PRIVILEGES, READ_ONLY, Container, Recipe, running

OTHERS_OWN = "alice:x:12345:0::/home/alice:/bin/bash\n"
ENGINES_OWN = "12345:x:12345:0:12345 user:/:/sbin/nologin\n"


def run_idle(image: Image, *options: str) -> Iterator[Container]:
    """Run a container of the image in which nothing runs."""
    idle, command = IDLE
    with running(Recipe(image.name, (*ANY_UID, *options, *idle), command)) as box:
        yield box


@pytest.fixture(scope="module")
def box(image: Image) -> Iterator[Container]:
    """A container as strict as can be."""
    yield from run_idle(image, *READ_ONLY, *NO_PRIVILEGES)


def run_with_passwd(image: Image, folder: Path, line: str) -> Iterator[Container]:
    """Run a container whose /etc/passwd has one line more."""
    with running(Recipe(image.name, IDLE[0], IDLE[1])) as plain:
        text = plain.execute("cat", "/etc/passwd") + "\n" + line
    folder.chmod(0o755)
    (folder / "passwd").write_text(text)
    (folder / "passwd").chmod(0o644)
    yield from run_idle(image, "-v", f"{folder / 'passwd'}:/etc/passwd:ro")


def test_is_the_images_user(box: Container) -> None:
    if ENGINE == "podman":
        pytest.skip("podman gives every uid an entry; see below")
    entry = "dev8:x:12345:0::/home/dev8:/bin/bash"
    assert box.execute("getent", "passwd", "12345") == entry
    assert box.execute("getent", "passwd", "dev8") == entry
    assert box.execute("id", "-un") == "dev8"


def test_has_the_home_and_the_workspace(box: Container) -> None:
    assert box.execute("bash", "-lc", "echo $HOME") == "/home/dev8"
    for folder in ("/home/dev8", "/workspace"):
        box.execute("sh", "-c", f"touch {folder}/.written && rm {folder}/.written")


def test_ssh_knows_who_it_is(box: Container) -> None:
    """Neither ssh nor ssh-keygen runs for a uid without an entry."""
    box.execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/tmp/key")
    box.execute("ssh", "-G", "example.com")


def test_root_is_not_spoken_to(box: Container) -> None:
    """Nobody but the asking process itself is ever answered for, and root not at all."""
    for name in ("root", "0"):
        seen = box.execute("getent", "passwd", name, user="0")
        assert seen == "root:x:0:0:root:/root:/bin/bash"
    assert ":1000:1000:" in box.execute("getent", "passwd", "dev8", user="0")
    assert box.execute("bash", "-lc", "echo $HOME", user="0") == "/root"
    assert box.execute("getent", "passwd", "root") == "root:x:0:0:root:/root:/bin/bash"
    assert box.call("getent", "passwd", "54321").returncode == 2


def test_nothing_that_it_can_write_is_asked_for_names(box: Container) -> None:
    seen = box.execute("grep", "-E", "^(passwd|group|shadow):", "/etc/nsswitch.conf").split("\n")
    sources = {word for line in seen for word in line.partition(":")[2].split()}
    assert sources <= {"workspace", "files", "systemd"}
    paths = ("/etc", "/etc/passwd", "/etc/nsswitch.conf", "/usr/lib/libnss_workspace.so.2")
    owners = box.execute("stat", "-Lc", "%U %a", *paths).splitlines()
    assert {line.split()[0] for line in owners} == {"root"}
    assert all(int(line.split()[1], 8) & 0o022 == 0 for line in owners)


def test_a_uid_that_the_image_knows_keeps_its_name(image: Image, tmp_path: Path) -> None:
    for box in run_with_passwd(image, tmp_path, OTHERS_OWN):
        assert box.execute("id", "-un") == "alice"
        assert ":1000:1000:" in box.execute("getent", "passwd", "dev8")


def test_an_entry_that_the_engine_added_counts_for_nothing(image: Image, tmp_path: Path) -> None:
    """Podman and CRI-O add one, named for the uid, with / as its home."""
    for box in run_with_passwd(image, tmp_path, ENGINES_OWN):
        assert box.execute("id", "-un") == "dev8"
        assert box.execute("getent", "passwd", "dev8").startswith("dev8:x:12345:0:")
