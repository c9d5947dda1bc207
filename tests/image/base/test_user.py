"""The user, what it may do, and what nobody may."""

import pytest
from testinfra.host import Host

USED = ("/home/dev8", "/workspace")
"""What every container writes to, also one whose root is read-only."""
FOLDERS = (*USED, "/backups")
WRITABLE = (*FOLDERS, "/tmp", "/var/tmp", "/dev", "/proc", "/run/lock")


def test_runs_as_dev8(host: Host) -> None:
    user = host.user()
    assert (user.name, user.uid, user.gid) == ("dev8", 1000, 1000)
    assert (user.home, user.shell) == ("/home/dev8", "/bin/bash")


def test_owns_its_folders(host: Host) -> None:
    for folder in FOLDERS:
        assert host.file(folder).user == "dev8"
    for folder in USED:
        host.run_expect([0], f"touch {folder}/.written && rm {folder}/.written")
    assert host.check_output("pwd") == "/workspace"


def test_its_folders_are_for_group_0_as_well(host: Host) -> None:
    """A platform runs a uid of its own choice in that group; named volumes copy these modes."""
    for folder in FOLDERS:
        found = host.file(folder)
        assert (found.group, found.mode) == ("root", 0o775)


def test_sudo_is_there_but_off(host: Host) -> None:
    assert host.exists("sudo")
    assert host.run("sudo -n true").rc != 0


def test_nothing_is_setuid(root: Host) -> None:
    """SUDO=on makes one exception; tests/e2e/test_build.py builds it."""
    assert root.run("find / -xdev -type f -perm /6000 2>/dev/null").stdout == ""


def test_members_of_group_0_can_write_what_is_the_users_and_nothing_else(root: Host) -> None:
    outside = " ".join(f"-path {folder} -prune -o" for folder in WRITABLE)
    found = root.run(f"find / -xdev {outside} ! -type l -group 0 -perm -020 -print").stdout
    assert found.split() == []


def test_what_is_for_group_0_is_a_short_list(root: Host) -> None:
    """docs/decisions/arbitrary-uid.md says for what each is."""
    places = " ".join(("/", *FOLDERS))  # volumes are other file systems
    found = root.run(f"find {places} -xdev ! -type l -group 0 -perm -020 ! -perm -002").stdout
    skeleton = {f"/home/dev8/{name}" for name in (".bashrc", ".bash_logout", ".profile")}
    assert set(found.split()) == {*FOLDERS, *skeleton}


def test_can_write_nowhere_else(host: Host) -> None:
    outside = " ".join(f"-path {folder} -prune -o" for folder in WRITABLE)
    found = host.run(f"find / -xdev {outside} ! -type l -writable -print 2>/dev/null").stdout
    assert found.split() == []


def test_nothing_needed_lies_in_the_home(host: Host) -> None:
    """A volume may hide it: only the files that every new home gets are there."""
    found = host.check_output("find /etc/skel -type f -printf '%P\\n'").split()
    assert set(found) <= {".bashrc", ".bash_logout", ".profile"}
    inside = host.check_output("find /opt /usr/local -type l -lname '/home/*'")
    assert inside == ""


ROOTS_SHELLS = ("bash -lc", "bash -ic", "sh -lc", "env PATH=/home/dev8/.local/bin:$PATH bash -lc")


@pytest.mark.parametrize("shell", ROOTS_SHELLS)
def test_roots_shells_run_nothing_that_is_the_users(root: Host, shell: str) -> None:
    """`docker exec --user 0` gives root the image's PATH, which ends in the home."""
    path = root.run(f"{shell} 'echo $PATH'").stdout.strip()
    assert "/usr/bin" in path.split(":")
    folders = " ".join(path.split(":"))
    assert "/home" not in path
    found = root.run(f"find -L {folders} -maxdepth 0 \\( ! -user 0 -o -perm /022 \\)").stdout
    assert found == ""


def test_no_folder_of_the_user_stands_before_one_of_the_system(host: Host) -> None:
    """A program that is root's is what everybody gets by its name, root without a shell too."""
    path = host.check_output("echo $PATH").split(":")
    mine = [folder.startswith("/home/") for folder in path]
    assert mine == sorted(mine)
    assert any(mine)


def test_bash_of_root_reads_no_variables_of_the_user(host: Host, root: Host) -> None:
    """As after `su` in an ssh session, which keeps its environment."""
    folder = host.check_output("mktemp -d")
    host.run_expect([0], f"mkdir {folder}/ssh && echo echo read >{folder}/ssh/session.sh")
    shell = f"SSH_CONNECTION=1 DEV8_RUNTIME_DIR={folder} bash -lc 'echo in'"
    assert host.check_output(shell).split() == ["read", "in"]
    assert root.check_output(f"chmod a+rx {folder}; {shell}") == "in"


PLANT = """
folder=/dev/shm/devcopilot-0
mkdir -p -m 0755 $folder/units $folder/tokens $folder/secrets $folder/certificates ~/.local/bin
ln -sf /etc/passwd $folder/units/attach.wanted
ln -sf /dev/shm/roots/made $folder/units/attach.seen
ln -sf /dev/shm/roots/made $folder/audit
ln -sf /dev/shm/roots/planted.sh $folder/certificates/profile.sh
echo >$folder/tokens/github.com
printf '{"variables": {}, "environment": {"HOME": "/", "PATH": "/tmp"}}' >$folder/settings.json
printf '#!/bin/sh\\necho planted\\n' >~/.local/bin/gh
chmod 0755 ~/.local/bin/gh
"""


def test_root_takes_nothing_from_a_folder_that_the_user_made_under_its_name(
    host: Host, root: Host
) -> None:
    """/dev/shm is open to all: by links, root wrote, read and ran what lies elsewhere."""
    host.run_expect([0], PLANT)
    root.run_expect([0], "mkdir /dev/shm/roots; echo echo planted >/dev/shm/roots/planted.sh")
    try:
        for shell in ("bash -ic true", "bash -lc true"):
            assert "planted" not in root.run(shell).stdout
        assert "planted" not in root.check_output("gh --version")
        assert root.check_output("ls /dev/shm/roots") == "planted.sh"
        said = root.run("devcopilot status")
        assert "is not a folder that only uid 0 can enter" in said.stdout + said.stderr
    finally:
        root.run_expect([0], "rm -r /dev/shm/roots")
        host.run_expect([0], "rm -r /dev/shm/devcopilot-0 ~/.local/bin/gh")
