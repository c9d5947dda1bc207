"""The tools of dev8-base."""

import re
from pathlib import Path

import pytest
from testinfra.host import Host

from agent.machine.places import order_path

OLDEST_GH = (2, 81, 0)


@pytest.mark.parametrize(
    "program",
    ["bash", "git", "gh", "ssh", "ssh-keygen", "curl", "less", "ps", "restic", "devcopilot"],
)
def test_is_there(host: Host, program: str) -> None:
    assert host.exists(program)


def test_gh_is_new_and_belongs_to_root(host: Host) -> None:
    version = re.search(r"gh version (\d+)\.(\d+)\.(\d+)", host.check_output("gh --version"))
    assert version
    assert tuple(map(int, version.groups())) >= OLDEST_GH
    for path in ("/opt/gh/bin/gh", host.check_output("readlink -f $(command -v gh)")):
        program = host.file(path)
        assert (program.user, program.group, program.mode) == ("root", "root", 0o755), path


def test_the_agent_stands_before_gh(host: Host) -> None:
    assert host.check_output("readlink -f $(command -v gh)").endswith("agent/github/helpers/gh")


def test_git_commits(host: Host) -> None:
    host.run_expect(
        [0],
        "cd $(mktemp -d) && git init -q && git -c user.name=A -c user.email=a@b.c "
        "commit -q --allow-empty -m first && git log --oneline | grep first",
    )


def test_git_reads_what_the_agent_sets(host: Host) -> None:
    folder = "/home/dev8/.local/state/devcopilot"
    host.run_expect([0], f"mkdir -p {folder} && git config -f {folder}/gitconfig test.key value")
    try:
        assert host.check_output("git config test.key") == "value"
    finally:
        host.run_expect([0], f"rm {folder}/gitconfig")


def test_ssh_reads_the_known_hosts_of_the_agent(host: Host) -> None:
    files = re.findall(r"^userknownhostsfile (.*)$", host.check_output("ssh -G example.com"), re.M)
    assert files[0].split()[0] == "/home/dev8/.ssh/known_hosts"  # where ssh adds new ones
    assert files[0].split()[-1] == "/home/dev8/.local/state/devcopilot/ssh/known_hosts"


def test_sshd_runs_unprivileged(host: Host) -> None:
    """It needs no folder of root's: /run is empty on a read-only root."""
    host.run_expect(
        [0],
        "cd $(mktemp -d) && ssh-keygen -q -t ed25519 -N '' -f key && "
        "/usr/sbin/sshd -t -f /dev/null -h $PWD/key",
    )


def test_login_shell_keeps_the_path(host: Host) -> None:
    """An ssh session begins with a login shell, and Debian's /etc/profile would reset PATH."""
    given = host.check_output("echo $PATH")
    assert given.startswith("/usr/local/sbin:/usr/local/bin:")
    wanted = order_path(given, Path("/home/dev8"))
    assert host.check_output("bash -lc 'echo $PATH'").endswith(wanted)
    assert host.check_output("env -i HOME=$HOME bash -lc 'printenv PATH'").endswith(wanted)


def test_speaks_utf_8(host: Host) -> None:
    assert host.check_output("locale charmap") == "UTF-8"


def test_apt_has_sources(host: Host) -> None:
    """The image can be built upon: apt knows where its packages are."""
    assert "/InRelease" in host.check_output("apt-get update --print-uris")
