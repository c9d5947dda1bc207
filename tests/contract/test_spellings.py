"""The real git and gh, given GitHub's addresses as GitHub, gh and people write them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.desk import Desk
from tests.fakes.github import FakeGitHub

TOKEN = "ghp_spelled0123456789"
PUBLIC, TENANT, SERVER = "github.com", "acme.ghe.com", "ghe.example.com"
GIST = "0123456789abcdef0123456789abcdef"

REPOSITORY = (
    (PUBLIC, "https://github.com/octo/demo.git"),
    (PUBLIC, "https://github.com/octo/demo"),
    (PUBLIC, "https://GitHub.com/octo/demo.git"),
    (PUBLIC, "https://github.com:443/octo/demo.git"),
    (PUBLIC, "https://octocat@github.com/octo/demo.git"),
    (PUBLIC, "https://OctoCat@GitHub.com/octo/demo.git"),
    (PUBLIC, "https://x-access-token@github.com/octo/demo.git"),
    (PUBLIC, "https://git@github.com/octo/demo.git"),
    (PUBLIC, "git@github.com:octo/demo.git"),
    (PUBLIC, "git@GitHub.com:octo/demo.git"),
    (PUBLIC, "git@github.com:/octo/demo.git"),
    (PUBLIC, "github.com:octo/demo.git"),
    (PUBLIC, "ssh://git@github.com/octo/demo.git"),
    (PUBLIC, "ssh://git@github.com:22/octo/demo.git"),
    (PUBLIC, "ssh://github.com/octo/demo.git"),
    (PUBLIC, "git+ssh://git@github.com/octo/demo.git"),
    (PUBLIC, "ssh://git@ssh.github.com:443/octo/demo.git"),
    (PUBLIC, "git@ssh.github.com:octo/demo.git"),
    (PUBLIC, "git://github.com/octo/demo.git"),
    (TENANT, "https://acme.ghe.com/octo/demo.git"),
    (TENANT, "git@acme.ghe.com:octo/demo.git"),
    (TENANT, "acme@acme.ghe.com:octo/demo.git"),
    (TENANT, "ssh://acme@acme.ghe.com/octo/demo.git"),
    (SERVER, "git@ghe.example.com:octo/demo.git"),
    (SERVER, "ssh://git@ghe.example.com/octo/demo.git"),
    (SERVER, f"git@ghe.example.com:gist/{GIST}.git"),
)
GISTS = tuple(
    (host, f"{form}{GIST}.git")
    for host in (PUBLIC, TENANT, SERVER)
    for form in (f"https://gist.{host}/", f"git@gist.{host}:", f"ssh://git@gist.{host}/")
)


class Desks:
    """A GitHub, and at each of its hosts a desk whose token is known to be OctoCat's."""

    def __init__(self, root: Path, hub: FakeGitHub) -> None:
        self._root, self._hub = root, hub
        hub.add_token(TOKEN, "OctoCat")
        hub.add_repository("octo/demo")
        hub.add_repository(f"gist/{GIST}")
        self._known: dict[str, Desk] = {}

    def at(self, host: str) -> Desk:
        """Return the desk of a host, at which ssh leads nowhere."""
        if host not in self._known:
            root = self._root / host
            root.mkdir()
            (root / "ca.pem").symlink_to(self._root / "ca.pem")
            desk = self._known[host] = Desk(root, self._hub, GH_HOST=host)
            desk.put(TOKEN)
            desk.refresh()
            desk.shell["GIT_SSH_COMMAND"] = "false"
        return self._known[host]


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    root = tmp_path_factory.mktemp("desks")
    with FakeGitHub.in_folder(root) as hub:
        yield Desks(root, hub)


@pytest.mark.parametrize(("host", "url"), REPOSITORY + GISTS, ids=str)
def test_git_clones_and_pushes_every_address_of_its_host(
    desks: Desks, tmp_path: Path, host: str, url: str
) -> None:
    desk, copy = desks.at(host), str(tmp_path / "copy")
    done = desk.git("clone", "-q", url, copy)
    assert done.returncode == 0, done.stderr
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    desk.git("-C", copy, *identity, "commit", "-q", "--allow-empty", "-m", "second")
    done = desk.git("-C", copy, "push", "-q")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("protocol", ["https", "ssh"])
@pytest.mark.parametrize("host", [PUBLIC, SERVER])
def test_gh_clones_a_gist(desks: Desks, tmp_path: Path, host: str, protocol: str) -> None:
    desk = desks.at(host)
    assert desk.gh("config", "set", "--host", host, "git_protocol", protocol).returncode == 0
    done = desk.gh("gist", "clone", GIST, str(tmp_path / "copy"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy/.git").is_dir()


def test_a_rule_of_the_users_own_holds_from_the_next_round(desks: Desks, tmp_path: Path) -> None:
    """Then his key is used, or one that he forwards."""
    desk, calls = desks.at(PUBLIC), tmp_path / "calls"
    ssh = ("-c", f"core.sshCommand=echo >>{calls}")
    del desk.shell["GIT_SSH_COMMAND"]
    desk.git("config", "--global", "url.git@github.com:.insteadOf", "git@github.com:")
    desk.refresh()
    assert desk.git(*ssh, "ls-remote", "git@github.com:octo/demo.git").returncode != 0
    assert "git@github.com git-upload-pack" in calls.read_text()
    assert desk.git("ls-remote", "https://github.com/octo/demo.git").returncode == 0
    desk.git("config", "--global", "--unset-all", "url.git@github.com:.insteadOf")
    desk.refresh()
    assert desk.git("ls-remote", "git@github.com:octo/demo.git").returncode == 0
    desk.shell["GIT_SSH_COMMAND"] = "false"


def test_an_organizations_number_needs_the_rule_of_the_docs(desks: Desks) -> None:
    """No rule of git's can match a number; the one for it leaves those of the agent alone."""
    desk, url = desks.at(PUBLIC), "org-1234@github.com:octo/demo.git"
    rule = "url.https://github.com/.insteadOf"
    assert desk.git("ls-remote", url).returncode != 0
    desk.git("config", "--global", "--add", rule, "org-1234@github.com:")
    desk.refresh()
    assert desk.git("ls-remote", url).returncode == 0
    assert desk.git("ls-remote", "git@github.com:octo/demo.git").returncode == 0
    desk.git("config", "--global", "--unset-all", rule)
