"""Fills the work tree of a fresh clone with what its entry asks for."""

from pathlib import Path

from agent.machine.errors import HintedError
from agent.machine.programs.git_failures import Cause
from agent.settings.repository import Reference, Repository
from agent.units.clone.revision import (
    HEADS,
    TAGS,
    Names,
    find_remote_ref,
    name_local_branch,
)
from agent.units.clone.safe_git import Git, GitError

ORIGIN = "origin"
_REMOTE = f"refs/remotes/{ORIGIN}/"


class MissingError(HintedError):
    """What to check out is not there; the default branch was checked out."""


def check_out(git: Git, folder: Path, repository: Repository) -> str:
    """Fill the work tree; return what is worth reporting.

    Raises GitError, and MissingError once the default branch is checked out.
    """
    if repository.sparse:
        git.run("sparse-checkout", "set", "--cone", *repository.sparse, cwd=folder)
    wanted = repository.reference
    if wanted is None:
        return _check_out_default(git, folder)
    try:
        if wanted.kind in ("pull", "merge"):
            return _check_out_request(git, folder, wanted, repository.depth)
        if wanted.kind == "commit":
            return _check_out_commit(git, folder, wanted.name, repository.depth)
        return _check_out_name(git, folder, wanted, repository.depth)
    except MissingError:
        _check_out_default(git, folder)
        raise


def read_names(git: Git, folder: Path) -> Names:
    """Return the branches and tags that a clone knows of its origin."""
    said = git.ask("for-each-ref", "--format=%(refname)", _REMOTE, TAGS, cwd=folder) or ""
    refs = (ref for ref in said.split("\n") if ref != f"{_REMOTE}HEAD")
    return Names.read(
        HEADS + ref.removeprefix(_REMOTE) if ref.startswith(_REMOTE) else ref for ref in refs
    )


def find_missing(git: Git, folder: Path, repository: Repository) -> MissingError | None:
    """Return what a clone that is there lacks of what its entry asks for, as far as it can know.

    A shallow one knows little.
    """
    wanted = repository.reference
    if wanted is None or repository.depth or wanted.is_short_commit:
        return None
    if wanted.kind not in ("name", "path"):
        return None
    names = read_names(git, folder)
    return None if names.find(wanted) else explain_missing(wanted, names)


def explain_missing(wanted: Reference, names: Names) -> MissingError:
    """Return the error for a branch or tag that is not there."""
    near = names.suggest(wanted.name)
    found = f"did you mean {' or '.join(near)}?" if near else ""
    return MissingError(f"there is no branch, tag or commit {wanted.name}", found)


def _check_out_default(git: Git, folder: Path) -> str:
    branch = (git.ask("symbolic-ref", "--short", "HEAD", cwd=folder) or "").strip()
    if git.ask("rev-parse", "--verify", "--quiet", "HEAD", cwd=folder) is None:
        return f"its default branch {branch} does not exist: nothing is checked out"
    target = ("--detach", "HEAD") if branch.startswith("-") or not branch else (branch,)
    git.run("checkout", "--progress", *target, "--", cwd=folder)
    return ""


def _check_out_request(git: Git, folder: Path, wanted: Reference, depth: int | None) -> str:
    """Check out the head of a pull request in a branch that `git pull` brings up to date."""
    remote, local = find_remote_ref(wanted), name_local_branch(wanted)
    _fetch(git, folder, f"+{remote}:{HEADS}{local}", depth, f"pull request {wanted.name}")
    git.run("config", f"branch.{local}.remote", ORIGIN, cwd=folder)
    git.run("config", f"branch.{local}.merge", remote, cwd=folder)
    git.run("checkout", "--progress", local, "--", cwd=folder)
    return f"on branch {local}"


def _check_out_commit(git: Git, folder: Path, commit: str, depth: int | None) -> str:
    if git.ask("cat-file", "-e", f"{commit}^{{commit}}", cwd=folder) is None:
        _fetch(git, folder, commit, depth, f"commit {commit}")
    return _detach(git, folder, commit, f"commit {commit[:12]}")


def _check_out_name(git: Git, folder: Path, wanted: Reference, depth: int | None) -> str:
    names = read_names(git, folder)
    found = names.find(wanted)
    if found is None and depth:  # a shallow clone knows its default branch alone
        said = git.query("ls-remote", "--heads", "--tags", ORIGIN, cwd=folder).stdout
        names = Names.read(line.partition("\t")[2] for line in said.split("\n"))
        found = names.find(wanted)
        if found:
            _fetch_shallow(git, folder, found, depth)
    if found is None and wanted.is_short_commit:
        known = git.ask("rev-parse", "--verify", "--quiet", f"{wanted.name}^{{commit}}", cwd=folder)
        if known:
            return _detach(git, folder, known.strip(), f"commit {wanted.name}")
        if depth:
            cause = f"there is no branch or tag {wanted.name}"
            raise MissingError(cause, "a commit of a shallow clone needs its full id, or no depth")
    if found is None:
        raise explain_missing(wanted, names)
    if found.startswith(TAGS):
        return _detach(git, folder, found, f"tag {found.removeprefix(TAGS)}")
    branch = found.removeprefix(HEADS)
    git.run("checkout", "--progress", "--track", "-B", branch, _REMOTE + branch, "--", cwd=folder)
    return f"on branch {branch}"


def _fetch_shallow(git: Git, folder: Path, ref: str, depth: int) -> None:
    local = ref
    if ref.startswith(HEADS):
        branch = ref.removeprefix(HEADS)
        local = _REMOTE + branch
        git.run("remote", "set-branches", "--add", ORIGIN, branch, cwd=folder)
    _fetch(git, folder, f"+{ref}:{local}", depth, ref)


def _fetch(git: Git, folder: Path, what: str, depth: int | None, name: str) -> None:
    words = ("--depth", str(depth)) if depth else ()
    try:
        git.run("fetch", "--progress", "--no-tags", *words, ORIGIN, what, cwd=folder)
    except GitError as error:
        if error.failure.cause is Cause.MISSING:
            raise MissingError(f"there is no {name}") from error
        raise


def _detach(git: Git, folder: Path, what: str, name: str) -> str:
    git.run("checkout", "--progress", "--detach", what, "--", cwd=folder)
    return f"at {name}, on no branch"
