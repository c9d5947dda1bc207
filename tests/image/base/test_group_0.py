"""Another uid of group 0 in a workspace that runs, such as `docker exec --user 2000`."""

from collections.abc import Iterator

import pytest
from testinfra.host import Host

from tests.image.conftest import Image
from tests.image.shell import entering
from tests.worlds.containers import HARDENED, Container, Recipe, running

STRANGER = "2000:0"
FOR_GROUP_0 = {"/backups"}
"""Where no volume lies on it; others may keep their backups in the same place."""
LOOK = (
    "find / \\( -path /proc -o -path /sys \\) -prune -o \\( -type f -o -type d \\) "
    "-writable ! -user 2000 ! -perm -1000 -print 2>/dev/null; true"
)
"""What has a sticky bit is for everybody, such as /tmp."""


@pytest.fixture(scope="module", params=["writable", "hardened", "volume-of-the-image"])
def box(image: Image, request: pytest.FixtureRequest) -> Iterator[Container]:
    """A workspace of uid 1000, in which somebody has worked."""
    options = {
        "writable": (),
        "hardened": HARDENED,
        "volume-of-the-image": ("-v", "/home/dev8", "-v", "/workspace"),
    }[request.param]
    with running(Recipe(image.name, options)) as made:
        made.wait_ready()
        made.execute("sh", "-c", "mkdir -p ~/bin ~/.config/mine && touch ~/bin/x /workspace/file")
        made.execute("git", "init", "-q", "/workspace/repository")
        yield made


@pytest.fixture(scope="module")
def stranger(box: Container) -> Iterator[Host]:
    """The inside of that workspace, as somebody else of group 0."""
    with entering(box, STRANGER) as host:
        yield host


def test_a_stranger_of_group_0_can_write_nothing_of_the_users(stranger: Host) -> None:
    assert stranger.check_output("id -u; id -g").split() == ["2000", "0"]
    assert set(stranger.check_output(LOOK).splitlines()) <= FOR_GROUP_0


@pytest.mark.parametrize(
    "words",
    [
        "echo x >>/home/dev8/.bashrc",
        "mv /home/dev8/.profile /home/dev8/other",
        "touch /home/dev8/.bash_profile",
        "rm /workspace/file",
        "mv /workspace/repository /workspace/moved",
        "touch /workspace/.envrc",
    ],
)
def test_a_stranger_of_group_0_puts_no_code_where_it_runs(stranger: Host, words: str) -> None:
    done = stranger.run(words)
    assert done.rc != 0
    assert "denied" in done.stderr or "not permitted" in done.stderr or "Read-only" in done.stderr


def test_its_own_user_writes_as_ever(box: Container) -> None:
    box.execute("sh", "-c", "echo '# mine' >>~/.bashrc; touch ~/.bash_aliases /workspace/new")
