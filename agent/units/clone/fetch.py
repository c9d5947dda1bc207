"""Brings a repository into a new folder, whole and checked."""

from contextlib import suppress
from pathlib import Path

from agent.github import gh, published
from agent.machine.light.expressions import regex
from agent.machine.programs.git_failures import Cause, Failure
from agent.machine.system import Facts
from agent.settings.repository import Repository
from agent.units.clone.checkout import check_out
from agent.units.clone.safe_git import Git, GitError

SMART = "application/x-git-upload-pack-"
"""What a git server's answer is: https://git-scm.com/docs/http-protocol."""
_KIND = regex(r"(?im)recv header(?:, \d+ bytes)?:\s*content-type:\s*([\w./+-]+)")


def fetch(git: Git, url: str, wanted: Repository, staged: Path) -> str:
    """Clone into a folder that is not there yet, and fill it; return what is worth reporting.

    Raises GitError, StoppedError, and MissingError once the default branch is checked out.
    """
    words = ["--progress", "--template=", "--origin", "origin"]
    is_plain = wanted.reference is None and not wanted.sparse
    words += [] if is_plain else ["--no-checkout"]
    words += ["--depth", str(wanted.depth)] if wanted.depth else []
    words += [f"--filter={wanted.filter}"] if wanted.filter else []
    git.run("clone", *words, "--", url, str(staged), cwd=staged.parent)
    if git.ask("rev-parse", "--verify", "--quiet", "HEAD", cwd=staged) is None:
        if not git.ask("for-each-ref", "--count=1", cwd=staged):
            check_empty(git, url, staged)
    elif is_plain:
        return ""
    return check_out(git, staged, wanted)


def check_empty(git: Git, url: str, staged: Path) -> None:
    """Distinguish an empty repository from a web page, which git takes for one. Raises GitError.

    A portal or a proxy that wants a login first answers everything with its page, and 200.
    """
    if not url.startswith("http"):
        return
    trace = {"GIT_TRACE_CURL": "2", "GIT_TRACE_CURL_NO_DATA": "1"}
    said = git.query("ls-remote", url, cwd=staged, **trace).stderr
    if not any(kind.lower().startswith(SMART) for kind in _KIND.findall(said)):
        raise GitError(Failure(Cause.PAGE, "the answer is not git's"))


def find_token(facts: Facts, host: str) -> str:
    """Return what identifies the tokens that git may send to a host: another one is worth a try.

    That is the agent's, and those of logins of the user's own, which gh hands to git.
    """
    found = published.read_token(facts, host)
    with suppress(OSError):
        own = sorted(gh.find_own_logins(facts))
        return " ".join([found.fingerprint if found else "none", *own])
    return found.fingerprint if found else "none"
