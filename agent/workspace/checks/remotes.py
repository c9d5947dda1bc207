"""Whether git can read each remote of the workspace and push to it, tried as the user's git does.

Nothing is pushed: `git push --dry-run` gets the host's permission and sends nothing. What the API
says of the user alone would not do, since a fine-grained token may do less than its user.
"""

from collections.abc import Iterator

from agent.github import access
from agent.github.access import Access
from agent.github.api import NoAnswerError, find_web_url
from agent.github.hosts import find_accounts
from agent.github.published import Published, read_token
from agent.machine.formats.lines import split_lines
from agent.machine.network import ssh_host_key
from agent.machine.programs.git_failures import (
    Cause,
    Failure,
    explain,
    explain_access,
    find_failure,
)
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.github import GitHub
from agent.workspace.checks import clones
from agent.workspace.checks.clones import Remote

MOST = 20
"""Remotes that are tried."""
BRANCH = "refs/heads/devcopilot-doctor"
"""The branch that a push would make."""
NO_OWNER = "dubious ownership"
ACCESS = (Cause.NO_TOKEN, Cause.REFUSED, Cause.HIDDEN)


def look(context: Context) -> Iterator[Finding]:
    """Try each remote; of a host that cannot be reached only the first one."""
    silent: set[str] = set()
    if context.facts.which("git") is None:
        return
    for number, remote in enumerate(clones.find_remotes(context)):
        if number == MOST:
            yield Finding(Result.SKIPPED, f"only the first {MOST} remotes are tried")
            return
        host = remote.repository.host if remote.repository else remote.url
        if host not in silent:
            findings = list(Trial(remote, context).look())
            yield from findings
            if any(finding.result is Result.UNKNOWN for finding in findings):
                silent.add(host)


@frozen
class Trial:
    """One remote that is tried."""

    remote: Remote
    context: Context

    @property
    def account(self) -> GitHub | None:
        """Return the host of ours that it is on, if it is a GitHub."""
        repository = self.remote.repository
        known = self.context.once(find_accounts).known
        return next((each for each in known if repository and each.host == repository.host), None)

    @property
    def token(self) -> Published | None:
        """Return the token for it."""
        return read_token(self.context.facts, self.account.host) if self.account else None

    @property
    def title(self) -> str:
        """Return what to call the repository."""
        repository = self.remote.repository
        return repository.path if repository else self.remote.name

    def find(self, result: Result, summary: str, fix: str = "", **facts: object) -> Finding:
        """Return a finding about it."""
        return Finding(result, summary, fix, facts, self.remote.part)

    def look(self) -> Iterator[Finding]:
        """Read it, and see whether a push is allowed."""
        remote = self.remote
        if remote.has_password:
            yield self.find(
                Result.WARN,
                f"the address of {remote.name} holds a password or a token, which the agent does "
                "not renew",
                f"git -C {remote.folder} remote set-url {remote.name} {remote.clean_url}",
            )
        failure = self._run("ls-remote", remote.name, "HEAD")
        if failure:
            yield self._explain(failure)
            return
        refusal = self._try_push() if self.account else None
        yield (
            self._judge_push(refusal)
            if refusal
            else self.find(
                Result.OK, f"{self.title} can be read" + (" and pushed to" if self._can_try else "")
            )
        )

    @property
    def _can_try(self) -> bool:
        if self.account is None:
            return False
        done = clones.run(self.context.facts, self.remote.folder, "rev-parse", "--verify", "HEAD")
        return done.returncode == 0  # else there is nothing that could be pushed

    def _try_push(self) -> Failure | None:
        words = ("push", "--dry-run", "--no-verify", "--recurse-submodules=no", "--no-signed")
        if not self._can_try:
            return None
        return self._run(*words, self.remote.name, f"HEAD:{BRANCH}")

    def _run(self, *words: str) -> Failure | None:
        """Run git; return why it failed."""
        done = clones.run(self.context.facts, self.remote.folder, *words)
        if done.returncode == 0:
            return None
        return find_failure(split_lines(done.stderr.decode(errors="replace")), done.returncode)

    def _ask(self) -> Access | None:
        """Return what the API says of the repository; None: nothing."""
        if self.account is None or self.token is None:
            return None
        try:
            return access.ask(self.token.value, self.account, self.context.facts, self.title)
        except NoAnswerError:
            return None

    def _explain(self, failure: Failure) -> Finding:
        """Return why the remote cannot be read."""
        remote, repository = self.remote, self.remote.repository
        host = repository.host if repository else ""
        again = f"git -C {remote.folder} ls-remote {remote.name}"
        if NO_OWNER in failure.said:
            fix = f"git config --global --add safe.directory {remote.folder}"
            return self.find(Result.FAIL, f"git refuses {remote.folder}: {failure.said}", fix)
        if failure.cause is Cause.NETWORK or failure.code in (124, 125):
            return self.find(Result.UNKNOWN, f"{host or remote.name} cannot be reached: "
                             f"{failure.said}", "devcopilot doctor network")  # fmt: skip
        if failure.cause is Cause.HOST_KEY:
            why, fix = ssh_host_key.explain(remote.url, failure.said, self.context.facts)
            return self.find(Result.FAIL, why, fix)
        if failure.cause in ACCESS:
            return self._explain_access(failure, host)
        why, fix = explain(failure, host, again)
        return self.find(Result.FAIL, f"cannot read {self.title}: {why}", fix or again)

    def _explain_access(self, failure: Failure, host: str) -> Finding:
        """Return why the host does not show the repository; the API may know more than git."""
        why, fix = explain_access(failure.cause, host, self.title)
        found = self._ask()
        if found and found.sso_url:
            why = f"{host} wants this token to be authorized for single sign-on"
            fix = f"authorize the token at {found.sso_url}"
        elif found and found.status == 200:
            why = f"{host} shows {self.title} to the agent's token, but git is refused"
            fix = "devcopilot doctor helper git-settings"
        elif found and found.status == 401:
            fix = "devcopilot doctor token"
        elif found and found.wanted:
            fix = f"{fix} ({found.wanted})"
        status = found.status if found else None
        return self.find(Result.FAIL, why, fix, cause=str(failure.cause), status=status)

    def _judge_push(self, failure: Failure) -> Finding:
        """Return what it means that a push is refused: a fault only if the user may push."""
        found = self._ask()
        readable = f"{self.title} can be read"
        if failure.cause not in ACCESS or found is None:
            return self.find(Result.UNKNOWN, f"{readable}; whether it can be pushed to is not "
                             f"known: {failure.said}")  # fmt: skip
        if found.archived:
            return self.find(Result.OK, f"{readable}; it is archived, so nobody can push to it")
        if found.push:
            assert self.account  # noqa: S101 - it was asked
            return self.find(
                Result.WARN, f"{readable}; you may push to it, but this token may not",
                f"authorize the token at {found.sso_url}" if found.sso_url else
                "give the token the permission contents:write or the scope repo: "
                f"{find_web_url(self.account)}/settings/tokens",
                said=failure.said,
            )  # fmt: skip
        return self.find(Result.OK, f"{readable}; this token may not push to it", push=False)


CHECK = Check(
    "remotes",
    "Repositories",
    "whether git can read each remote of the workspace and may push to it (pushes nothing)",
    look,
    network=True,
    documents="docs/github.md",
    timeout=60.0,
)
