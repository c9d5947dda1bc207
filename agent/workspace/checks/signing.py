"""Whether git signs as it is set up to: a signature is made and verified, and thrown away."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import ask_git, find_unreadable
from agent.machine.formats.lines import find_last_line, split_lines
from agent.machine.light.expressions import regex
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.own_signing import check_own
from agent.workspace.checks import clones

OFF = "git signs no commits; set DEV8_GIT_SIGNING=ssh to sign with your ssh key"
FORMAT = "%G?%n%GS%n%GG"
"""How good a signature is, whose it is, and what the program said."""
_TRUE = ("true", "yes", "on", "1")
_UNLOCK = regex(r"pinentry|[Ii]nappropriate ioctl|[Pp]assphrase|cancelled")
"""What the programs say when they would ask for a passphrase."""


@frozen
class Signature:
    """A signature that was made; `grade` is git's letter."""

    grade: str
    signer: str
    said: str


def look(context: Context) -> Iterator[Finding]:
    """Make a signed commit in a repository of its own, and verify it."""
    facts = context.facts
    if facts.which("git") is None:
        return
    config = read_config(facts)
    if isinstance(config, Problem):
        return  # the check `identity` tells of it
    wanted = [name for name in ("commit.gpgsign", "tag.gpgsign")
              if config.get(name, "").lower() in _TRUE]  # fmt: skip
    if not wanted:
        yield explain_off(context)
        return
    if problem := check_own(context.settings, facts):
        yield Finding(Result.FAIL, problem.message, problem.hint)
        return
    yield judge(try_to_sign(facts, config), config)


def explain_off(context: Context) -> Finding:
    """Return why nothing is signed."""
    if context.settings.git.signing == "ssh":
        return Finding(Result.FAIL, "DEV8_GIT_SIGNING=ssh is set, but git signs no commits",
                       "`devcopilot configure` shows why")  # fmt: skip
    return Finding(Result.SKIPPED, OFF)


def read_config(facts: Facts) -> dict[str, str] | Problem:
    """Return what git's configuration says of signing, names in small letters, if it can."""
    if problem := find_unreadable(facts):
        return problem
    found = ask_git(facts, r"^(user\..*|gpg\..*|(commit|tag)\.gpgsign)$")
    return found if isinstance(found, Problem) else dict(found)


def try_to_sign(facts: Facts, config: Mapping[str, str]) -> Signature | str:
    """Return the signature of a test commit, or why there is none."""
    folder = Path(tempfile.mkdtemp(prefix="devcopilot-doctor-"))
    who = {f"GIT_{role}_{part.upper()}": config.get(f"user.{part}") or "devcopilot@localhost"
           for role in ("AUTHOR", "COMMITTER") for part in ("name", "email")}  # fmt: skip

    def git(*words: str) -> tuple[str, str]:
        done = clones.run(facts, folder, *words, **who)
        said = done.stderr.decode(errors="replace")
        if done.returncode != 0:
            raise ChildProcessError(said or f"git ended with {done.returncode}")
        return done.stdout.decode(errors="replace").strip(), said

    try:
        git("init", "-q", "--bare", "--template=", ".")
        tree, _ = git("mktree")
        commit, _ = git("commit-tree", "-S", "-m", "a test signature", tree)
        text, said = git("log", "-1", f"--format={FORMAT}", commit)
        grade, signer, *more = [*split_lines(text), "", ""]
        return Signature(grade, signer, "\n".join([*more, said]))
    except ChildProcessError as error:
        return str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def judge(signed: Signature | str, config: Mapping[str, str]) -> Finding:
    """Return what the try came to."""
    kind = config.get("gpg.format", "openpgp")
    if isinstance(signed, str):
        if _UNLOCK.search(signed):
            words = "the signing key asks for its passphrase, which a check cannot type"
            return Finding(Result.UNKNOWN, words, "git commit --allow-empty -S asks for it")
        last = find_last_line(signed.encode())
        return Finding(Result.FAIL, f"git cannot sign commits ({kind}): {last}",
                       "git commit --allow-empty -S shows more; to sign no more: "
                       "git config --global commit.gpgSign false")  # fmt: skip
    facts = {"format": kind, "grade": signed.grade, "signer": signed.signer}
    if signed.grade == "G" or (signed.grade == "U" and kind != "ssh"):
        whose = f" as {signed.signer}" if signed.signer else ""
        return Finding(Result.OK, f"git signs commits{whose} ({kind}) and verifies them",
                       facts=facts)  # fmt: skip
    signers = config.get("gpg.ssh.allowedsignersfile")
    if kind == "ssh" and not signers:
        return Finding(
            Result.WARN, "git signs commits, but verifies none: gpg.ssh.allowedSignersFile is "
            "not set",
            "git config --global gpg.ssh.allowedSignersFile ~/.config/git/allowed_signers",
            facts,
        )  # fmt: skip
    if kind == "ssh" and signed.grade == "U":
        return Finding(Result.WARN, f"git signs commits with a key that {signers} does not list",
                       f"add the key to {signers}: EMAIL KEY", facts)  # fmt: skip
    words = f"git signs commits, but the signature is not good ({signed.grade})"
    return Finding(Result.FAIL, words, "git log --show-signature shows why", facts)


CHECK = Check(
    "signing",
    "SSH and signing",
    "whether git can sign a commit and verify it as configured (in a temporary repository)",
    look,
    documents="docs/github.md#signed-commits",
)
