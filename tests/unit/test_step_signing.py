"""Commits signed with the user's SSH key, by the real git and ssh-keygen."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.planning.resources import Resource
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.own_signing import check_own
from agent.workspace import git, signing, ssh
from tests.worlds.machine import Machine
from tests.worlds.needs import need

CONFIG = ".local/state/devcopilot/gitconfig"


def make_key(folder: Path, *options: str, kind: str = "ed25519") -> str:
    path = folder / f"new-{kind}"
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path), *options]
    subprocess.run(argv, check=True)
    return path.read_text()


class SigningMachine(Machine):
    """The steps that lead to a signed commit, each in its turn as `configure` has them."""

    def __init__(self, root: Path) -> None:
        system = root / "etc-gitconfig"
        system.write_text(f"[include]\n\tpath = ~/{CONFIG}\n")
        super().__init__(root, self._plan, GIT_CONFIG_SYSTEM=str(system))

    def _plan(self, context: Context) -> Iterable[Resource | Problem]:
        for step in (ssh, git, signing):
            yield from step.resources(context)

    def sign_in(self, **variables: str) -> list[str]:
        """Configure twice: the key lies in its place only after the first time."""
        given = {"DEV8_GIT_SIGNING": "ssh", "GIT_USER_NAME": "Octo", **variables}
        self._run(given)
        return self.configure(GIT_USER_EMAIL="octo@example.com", **given)

    def git(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", *words], env=dict(self.facts.environ), cwd=self.facts.home,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> SigningMachine:
    return SigningMachine(tmp_path)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_commit_and_a_tag_are_signed_and_verify(
    machine: SigningMachine, tmp_path: Path, kind: str
) -> None:
    assert machine.sign_in(SSH_PRIVATE_KEY=make_key(tmp_path, kind=kind)) == []
    machine.git("init", "-q", "here")
    done = machine.git("-C", "here", "commit", "-q", "--allow-empty", "-m", "first")
    assert done.returncode == 0, done.stderr
    assert machine.git("-C", "here", "log", "-1", "--format=%G?").stdout.strip() == "G"
    machine.git("-C", "here", "tag", "-m", "one", "v1")
    assert machine.git("-C", "here", "tag", "--verify", "v1").returncode == 0


def test_nothing_is_signed_unless_it_is_asked_for(machine: SigningMachine, tmp_path: Path) -> None:
    assert machine.sign_in(SSH_PRIVATE_KEY=make_key(tmp_path), DEV8_GIT_SIGNING="off") == []
    assert machine.git("config", "commit.gpgSign").stdout == ""


def test_the_users_own_settings_win(machine: SigningMachine, tmp_path: Path) -> None:
    assert machine.sign_in(SSH_PRIVATE_KEY=make_key(tmp_path)) == []
    machine.git("config", "--global", "commit.gpgSign", "false")
    machine.git("init", "-q", "here")
    machine.git("-C", "here", "commit", "-q", "--allow-empty", "-m", "first")
    assert machine.git("-C", "here", "log", "-1", "--format=%G?").stdout.strip() == "N"


@pytest.mark.parametrize(
    ("name", "value"),
    [("user.signingKey", "0xDEADBEEF"), ("gpg.format", "openpgp"), ("gpg.format", "x509")],
)
def test_who_signs_with_something_else_goes_on_to_do_so(
    machine: SigningMachine, tmp_path: Path, name: str, value: str
) -> None:
    key = make_key(tmp_path)
    assert machine.sign_in(SSH_PRIVATE_KEY=key) == []
    (machine.facts.home / "mine").write_text("[commit]\n\tgpgSign = true\n")
    machine.git("config", "--global", "include.path", "~/mine")
    machine.git("config", "--file", str(machine.facts.home / "mine"), name, value)
    told = machine.sign_in(SSH_PRIVATE_KEY=key)
    (problem,) = [line for line in told if not line.startswith("cannot sign commits as your")]
    assert problem.startswith("left commit signing to you: ")
    assert name.lower() in problem
    assert machine.git("config", "--system", "--includes", "--get-regexp", "gpg").stdout == ""
    assert machine.git("config", name).stdout == f"{value}\n"


def test_the_same_settings_of_the_users_own_are_no_hindrance(
    machine: SigningMachine, tmp_path: Path
) -> None:
    machine.git("config", "--global", "gpg.format", "ssh")
    assert machine.sign_in(SSH_PRIVATE_KEY=make_key(tmp_path)) == []
    assert machine.git("config", "commit.gpgSign").stdout == "true\n"


def test_a_home_of_any_name_works(tmp_path: Path) -> None:
    root = tmp_path / 'a "home" # of \\ mine'
    root.mkdir()
    machine = SigningMachine(root)
    assert machine.sign_in(SSH_PRIVATE_KEY=make_key(tmp_path)) == []
    key = machine.facts.home / ".ssh/id_ed25519"
    assert machine.git("config", "user.signingKey").stdout == f"{key}\n"
    signers = machine.facts.defaults / signing.SIGNERS
    assert machine.git("config", "gpg.ssh.allowedSignersFile").stdout == f"{signers}\n"


def test_a_key_that_does_not_sign_switches_signing_off_again(
    machine: SigningMachine, tmp_path: Path
) -> None:
    """A commit that fails would be worse than one that is not signed."""
    key = make_key(tmp_path)
    assert machine.sign_in(SSH_PRIVATE_KEY=key) == []
    assert machine.git("config", "commit.gpgSign").stdout == "true\n"
    (machine.facts.home / ".ssh/id_ed25519").chmod(0o644)
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "ssh-keygen").write_text(
        '#!/bin/sh\n[ "$2" != sign ] || { echo "no entropy today" >&2; exit 1; }\n'
        'exec /usr/bin/ssh-keygen "$@"\n'
    )
    (broken / "ssh-keygen").chmod(0o755)
    path = machine.facts.environ["PATH"]
    machine.facts = Facts(
        **{**vars(machine.facts), "environ": {**machine.facts.environ, "PATH": f"{broken}:{path}"}}
    )
    (problem,) = machine.sign_in(SSH_PRIVATE_KEY=key)
    assert problem.startswith("cannot sign commits with ")
    assert "no entropy today" in problem
    assert machine.git("config", "commit.gpgSign").stdout == ""


def test_a_missing_or_useless_key_is_said(machine: SigningMachine) -> None:
    problems = machine.sign_in(SSH_PRIVATE_KEY="garbage")
    assert any("cannot sign commits: the key" in problem for problem in problems)
    assert machine.git("config", "commit.gpgSign").stdout == ""


# --- a configuration that was made on another machine -------------------------------------------


def bring(machine: SigningMachine, *settings: tuple[str, str]) -> list[str]:
    for name, value in settings:
        machine.git("config", "--global", name, value)
    return machine.sign_in(DEV8_GIT_SIGNING="off")


def can_commit(machine: SigningMachine) -> bool:
    machine.git("init", "-q", "here")
    return machine.git("-C", "here", "commit", "-q", "--allow-empty", "-m", "x").returncode == 0


SSH = ("gpg.format", "ssh")
SIGN = ("commit.gpgSign", "true")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ([SIGN, SSH, ("user.signingKey", "/Users/me/.ssh/id_ed25519.pub")], "/Users/me/.ssh"),
        ([SIGN, SSH, ("user.signingKey", "~/.ssh/id_ed25519.pub")], ".ssh/id_ed25519.pub"),
        ([SIGN, SSH], "names no key (user.signingKey)"),
        ([SIGN, ("user.signingKey", "3AA5C34371567BD2")], "no secret key in"),
        ([SIGN], "no secret key in"),
        ([SIGN, ("gpg.program", "/opt/homebrew/bin/gpg")], "/opt/homebrew/bin/gpg is not"),
        (
            [SIGN, SSH, ("gpg.ssh.program", "~/1Password/op-ssh-sign"),
             ("user.signingKey", "ssh-ed25519 AAAA")],
            "~/1Password/op-ssh-sign is not installed here",
        ),
        ([SIGN, ("gpg.format", "x509"), ("gpg.x509.program", "smimesign")], "smimesign is not"),
    ],
)  # fmt: skip
def test_signing_that_cannot_work_here_is_told(
    machine: SigningMachine, settings: list[tuple[str, str]], words: str
) -> None:
    need(shutil.which("gpg"), "needs gpg")
    (problem,) = bring(machine, *settings)
    assert words in problem
    assert "git config --global commit.gpgSign false" in problem
    assert not can_commit(machine)
    assert bring(machine, ("commit.gpgSign", "false")) == []
    assert can_commit(machine)


def test_tags_alone_may_be_signed_and_a_switch_needs_no_value(machine: SigningMachine) -> None:
    (machine.facts.home / ".gitconfig").write_text("[tag]\n\tgpgSign\n")
    (problem,) = bring(machine)
    assert "git config --global tag.gpgSign false" in problem


def test_signing_that_works_or_may_work_is_not_told(
    machine: SigningMachine, tmp_path: Path
) -> None:
    make_key(tmp_path)
    assert bring(machine, SIGN, SSH, ("user.signingKey", str(tmp_path / "new-ed25519.pub"))) == []
    assert can_commit(machine)
    public = (tmp_path / "new-ed25519.pub").read_text().strip()
    assert bring(machine, ("user.signingKey", f"key::{public}")) == [], "an agent may have it"
    assert bring(machine, ("user.signingKey", public)) == []
    assert (
        bring(machine, ("gpg.ssh.defaultKeyCommand", "ssh-add -L"), ("user.signingKey", "")) == []
    )


def test_a_program_of_another_machine_beside_our_key_is_told(
    machine: SigningMachine, tmp_path: Path
) -> None:
    key = make_key(tmp_path)
    machine.git("config", "--global", "gpg.ssh.program", "/Applications/op-ssh-sign")
    (problem,) = machine.sign_in(SSH_PRIVATE_KEY=key)
    assert "git config --global --unset-all gpg.ssh.program" in problem
    assert not can_commit(machine)


def test_a_key_of_gpg_is_looked_for(machine: SigningMachine) -> None:
    need(shutil.which("gpg"), "needs gpg")
    folder = machine.facts.home / ".gnupg"
    folder.mkdir(mode=0o700)
    made = ["gpg", "--homedir", str(folder), "--batch", "--passphrase", ""]
    quick = [*made, "--quick-generate-key", "Octo <octo@example.com>", "ed25519", "sign"]
    try:
        subprocess.run(quick, check=True, capture_output=True)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=True)
    assert bring(machine, SIGN, ("user.signingKey", "octo@example.com")) == []
    (problem,) = bring(machine, ("user.signingKey", "3AA5C34371567BD2"))
    assert "there is no key 3AA5C34371567BD2" in problem


def test_status_tells_it_as_soon_as_it_is_so(machine: SigningMachine) -> None:
    settings = Settings.from_environ({})
    assert check_own(settings, machine.facts) is None
    machine.git("config", "--global", *SIGN)
    problem = check_own(settings, machine.facts)
    assert problem
    assert "cannot sign commits" in problem.message
