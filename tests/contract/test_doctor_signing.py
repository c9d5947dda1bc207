"""The doctor's checks of ssh and signing: the real ssh, sshd, ssh-keygen, gpg and git."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import ask_git
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace.checks import identity, signing, signing_key, ssh
from tests.contract.workspace import HubWorkspace
from tests.fakes.github import FakeGitHub
from tests.worlds.containers import find_free_port
from tests.worlds.machine import make_facts
from tests.worlds.needs import need, need_sshd
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

OK, WARN, FAIL, SKIPPED, UNKNOWN = Result


class Person:
    """Somebody with a home, in which git is set up."""

    def __init__(self, root: Path, **variables: str) -> None:
        self.facts = make_facts(root, GIT_CONFIG_NOSYSTEM="1")
        (root / "work").mkdir()
        settings = Settings.from_environ({"WORKSPACE_DIR": str(root / "work"), **variables})
        self.context = Context(variables, settings, self.facts)

    def run(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, env=dict(self.facts.environ), cwd=self.facts.home, input=stdin, check=True,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def set(self, **values: str) -> None:
        """Set git's values; __ stands for a dot."""
        for name, value in values.items():
            self.run("git", "config", "--global", name.replace("__", "."), value)

    def make_key(self, passphrase: str = "") -> Path:
        path = self.facts.home / "key"
        self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path))
        return path

    def look(self, check: Check) -> list[Finding]:
        return list(check.look(self.context))


@pytest.fixture
def person(tmp_path: Path) -> Person:
    found = Person(tmp_path)
    found.set(user__name="Octo", user__email="octo@example.com")
    return found


def words(found: Sequence[Finding]) -> str:
    return "\n".join(f"{finding.result}: {finding.summary} | {finding.fix}" for finding in found)


# --- signing ------------------------------------------------------------------------------------


def test_who_does_not_sign_is_left_alone(person: Person) -> None:
    (found,) = person.look(signing.CHECK)
    assert found.result is SKIPPED


def test_signing_that_was_asked_for_and_is_off(tmp_path: Path) -> None:
    given = {"DEV8_GIT_SIGNING": "ssh", "SSH_PRIVATE_KEY_FILE": str(tmp_path / "none")}
    (found,) = Person(tmp_path, **given).look(signing.CHECK)
    assert (found.result, found.fix) == (FAIL, "`devcopilot configure` shows why")


def sign_by_ssh(person: Person, key: Path, *, signers: bool = True) -> None:
    person.set(gpg__format="ssh", user__signingkey=str(key), commit__gpgsign="true")
    if signers:
        file = person.facts.home / "signers"
        file.write_text(f"octo@example.com {key.with_suffix('.pub').read_text()}")
        person.set(gpg__ssh__allowedSignersFile=str(file))


def test_a_signature_by_ssh_is_made_and_verified(person: Person) -> None:
    sign_by_ssh(person, person.make_key())
    (found,) = person.look(signing.CHECK)
    assert found.result is OK
    assert found.facts == {"format": "ssh", "grade": "G", "signer": "octo@example.com"}


def test_nobody_is_allowed_to_sign(person: Person) -> None:
    key = person.make_key()
    sign_by_ssh(person, key, signers=False)
    (found,) = person.look(signing.CHECK)
    assert (found.result, "allowedSignersFile" in found.fix) == (WARN, True)
    sign_by_ssh(person, key)
    (person.facts.home / "signers").write_text("")
    (found,) = person.look(signing.CHECK)
    assert found.result is WARN
    assert "does not list" in found.summary


def test_a_key_that_is_not_there(person: Person) -> None:
    sign_by_ssh(person, person.make_key())
    (person.facts.home / "key").unlink()
    (found,) = person.look(signing.CHECK)
    assert found.result is FAIL
    assert "there is no key" in found.summary


def test_a_key_with_a_passphrase_is_unknown(person: Person) -> None:
    sign_by_ssh(person, person.make_key("open sesame"))
    (found,) = person.look(signing.CHECK)
    assert found.result is UNKNOWN
    assert "passphrase" in found.summary


def test_a_signature_by_gpg(person: Person, tmp_path: Path) -> None:
    need(shutil.which("gpg"), "needs gpg")
    folder = tmp_path / "g"
    folder.mkdir(mode=0o700)
    facts = replace(person.facts, environ={**person.facts.environ, "GNUPGHOME": str(folder)})
    person.facts, person.context = facts, replace(person.context, facts=facts)
    person.set(commit__gpgsign="true", user__signingkey="octo@example.com")
    (found,) = person.look(signing.CHECK)
    assert (found.result, "no secret key" in found.summary) == (FAIL, True)
    try:
        made = ("gpg", "--batch", "--passphrase", "", "--quick-generate-key")
        person.run(*made, "Octo <octo@example.com>", "ed25519", "sign", "never")
        (found,) = person.look(signing.CHECK)
        assert found.result is OK, words([found])
        assert found.facts["format"] == "openpgp"
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, "GNUPGHOME": str(folder)},
                       check=False)  # fmt: skip


def test_no_test_repository_is_left(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = person.facts.home / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    sign_by_ssh(person, person.make_key())
    assert person.look(signing.CHECK)[0].result is OK
    assert list(temporary.iterdir()) == []


# --- the key at GitHub, the identity ------------------------------------------------------------


def test_a_signing_key_that_github_does_not_know(tmp_path: Path) -> None:
    with FakeGitHub() as hub:
        hub.add_token("ghp_signs0123456789")
        place = HubWorkspace(tmp_path, hub, GIT_CONFIG_NOSYSTEM="1")
        place.put("ghp_signs0123456789")
        place.refresh()
        (tmp_path / "other").mkdir()
        person = Person(tmp_path / "other")
        person.facts, person.context = place.facts, place.context
        key = person.make_key()
        sign_by_ssh(person, key)
        (found,) = person.look(signing_key.CHECK)
        assert (found.result, f"add {key}.pub as a signing key" in found.fix) == (WARN, True)
        hub.rights.signing_keys["octo"] = [key.with_suffix(".pub").read_text()]
        (found,) = person.look(signing_key.CHECK)
        assert found.result is OK


@pytest.mark.parametrize("check", [identity.CHECK, signing.CHECK, signing_key.CHECK])
def test_settings_that_git_cannot_read_are_told_once(person: Person, check: Check) -> None:
    """They have the name; without the cause somebody would set it again."""
    path = person.facts.home / ".gitconfig"
    path.write_text(f"{path.read_text()}[include]\n\tpath\n")
    told = words(person.look(check))
    if check is identity.CHECK:
        assert told.startswith("fail: cannot read git's configuration: fatal: bad config ")
    else:
        assert told == ""


def test_a_git_that_is_killed_has_not_said_that_there_is_nothing(
    person: Person, tmp_path: Path
) -> None:
    program = tmp_path / "killed/git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nkill -KILL $$\n")
    program.chmod(0o755)
    environ = {**person.facts.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    found = ask_git(replace(person.facts, environ=environ), "user")
    assert isinstance(found, Problem)
    assert found.message == "cannot read git's configuration: git ended with -9"


def test_without_a_name_commits_fail(tmp_path: Path) -> None:
    person = Person(tmp_path)
    person.set(user__name="Octo")
    (found,) = person.look(identity.CHECK)
    assert found.result is WARN
    assert found.fix.startswith("set GIT_USER_EMAIL, or run: git config --global user.email")
    person.set(user__email="octo@example.com")
    (found,) = person.look(identity.CHECK)
    assert (found.result, found.summary) == (OK, "git commits as Octo <octo@example.com>")


# --- ssh ----------------------------------------------------------------------------------------


GREETING = "Hi octo! You've successfully authenticated, but GitHub does not provide shell access."


@contextmanager
def host(folder: Path, key: Path) -> Iterator[int]:
    """Run sshd, which greets like GitHub whoever has the key; yield its port."""
    sshd = need_sshd()
    port, own = find_free_port(), folder / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", own], check=True)
    script = folder / "greet"
    script.write_text(f'#!/bin/sh\necho "{GREETING}" >&2\nexit 1\n')
    script.chmod(0o755)
    options = {"Port": port, "ListenAddress": "127.0.0.1", "HostKey": own, "PidFile": "none",
               "AuthorizedKeysFile": key.with_suffix(".pub"), "StrictModes": "no",
               "ForceCommand": script, "PermitRootLogin": "yes", "UsePAM": "no"}  # fmt: skip
    arguments = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    with Awaited[bytes]([sshd, "-D", "-e", "-f", "/dev/null", *arguments],
                          stderr=subprocess.DEVNULL) as server:  # fmt: skip
        try:
            scan = ["ssh-keyscan", "-p", str(port), "127.0.0.1"]
            wait_until(
                lambda: bool(subprocess.run(scan, capture_output=True, check=False).stdout),
                "sshd answers",
            )
            yield port
        finally:
            server.kill()


def use_ssh(person: Person, port: int, key: Path, known: str) -> None:
    """Let the person's ssh have this key and these known hosts, and a remote that needs it."""
    programs = person.facts.home / "bin"
    programs.mkdir(exist_ok=True)
    (person.facts.home / "known_hosts").write_text(known)
    script = programs / "ssh"
    script.write_text(
        f"#!/bin/sh\nexec /usr/bin/ssh -F /dev/null -o IdentitiesOnly=yes -i {key} "
        f'-o UserKnownHostsFile={person.facts.home}/known_hosts "$@"\n'
    )
    script.chmod(0o755)
    path = f"{programs}:{person.facts.environ['PATH']}"
    facts = replace(person.facts, environ={**person.facts.environ, "PATH": path})
    person.facts, person.context = facts, replace(person.context, facts=facts)
    folder = person.context.settings.workspace.folder / "demo"
    if not folder.exists():
        person.run("git", "init", "-q", str(folder))
        who = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout
        url = f"ssh://{who.strip()}@127.0.0.1:{port}/octo/demo.git"
        person.run("git", "-C", str(folder), "remote", "add", "origin", url)


def test_ssh_signs_in_and_names_what_keeps_it(person: Person, tmp_path: Path) -> None:
    key = person.make_key()
    (tmp_path / "other").mkdir()
    stranger = tmp_path / "other/key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    with host(tmp_path, key) as port:
        scan = ["ssh-keyscan", "-p", str(port), "127.0.0.1"]
        known = subprocess.run(scan, check=True, capture_output=True, text=True).stdout
        use_ssh(person, port, key, known)
        (found,) = person.look(ssh.CHECK)
        assert (found.result, found.facts) == (OK, {"login": "octo"}), words([found])
        use_ssh(person, port, stranger, known)
        (found,) = person.look(ssh.CHECK)
        assert (found.result, "does not take the ssh key" in found.summary) == (FAIL, True)
        use_ssh(person, port, key, "")
        (found,) = person.look(ssh.CHECK)
        assert (found.result, "SHA256:" in found.summary) == (FAIL, True), words([found])
        assert f"ssh-keyscan -p {port} 127.0.0.1" in found.fix
    (found,) = person.look(ssh.CHECK)
    assert (found.result, found.fix) == (UNKNOWN, "devcopilot doctor network")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("git@github.com:octo/demo.git", ssh.Place("github.com")),
        ("github.com:octo/demo", ssh.Place("github.com")),
        ("ssh://me@example.com:2222/octo/demo", ssh.Place("example.com", "me", 2222)),
        ("https://github.com/octo/demo", None),
        ("/srv/demo.git", None),
        ("../demo:x", None),
    ],
)
def test_addresses_of_ssh(url: str, place: ssh.Place | None) -> None:
    assert ssh.read_place(url) == place


def test_nothing_is_reached_by_ssh(person: Person) -> None:
    assert person.look(ssh.CHECK) == []
