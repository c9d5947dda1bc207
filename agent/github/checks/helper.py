"""What git and gh really get when they need a token: each is asked, as a program would ask it."""

from collections.abc import Iterator

from agent.github.hosts import find_accounts
from agent.github.published import Published, read_token
from agent.machine.formats.lines import find_last_line, split_lines
from agent.machine.programs import external_commands
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

PATIENCE = 20.0
"""Seconds for an answer: the helper may ask the agent for a newer token."""


def look(context: Context) -> Iterator[Finding]:
    """Ask git and gh about each host that has a token."""
    for account in context.once(find_accounts).known:
        host = account.host
        token = read_token(context.facts, host)
        if token is None:
            yield Finding(Result.SKIPPED, "there is no token yet", part=host)
            continue
        if context.facts.which("git"):
            yield judge("git", host, ask_git(host, context.facts), context.facts)
        if context.facts.which("gh"):
            yield judge("gh", host, ask_gh(host, context.facts), context.facts)


def ask_git(host: str, facts: Facts) -> tuple[str, str]:
    """Return the password that git finds for a host, or an empty one, and what it said."""
    # No prompt, be it of a terminal or of an editor.
    environ = {**facts.user_environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "LC_ALL": "C"}
    question = f"protocol=https\nhost={host}\n\n".encode()
    argv = ("git", "-C", "/", "-c", "core.askPass=", "credential", "fill")
    done = external_commands.run(argv, environ, question, PATIENCE)
    lines = split_lines(done.stdout.decode(errors="replace"))
    found = [line.removeprefix("password=") for line in lines if line.startswith("password=")]
    return (found or [""])[0], find_last_line(done.stderr, "")


def ask_gh(host: str, facts: Facts) -> tuple[str, str]:
    """Return the token that gh uses for a host, or an empty one, and what it said."""
    argv = ("gh", "auth", "token", "--hostname", host)
    done = external_commands.run(argv, facts.user_environ, timeout=PATIENCE)
    return done.stdout.decode(errors="replace").strip(), find_last_line(done.stderr, "")


def judge(program: str, host: str, answer: tuple[str, str], facts: Facts) -> Finding:
    """Return what an answer means; the token may have been renewed for it."""
    value, said = answer
    token: Published | None = read_token(facts, host)
    if not value:
        why = f": {said}" if said else ""
        return Finding(Result.FAIL, f"{program} gets no token for {host}{why}",
                       "devcopilot doctor git-settings overrides", part=host)  # fmt: skip
    if token is None or value != token.value.reveal():
        return Finding(
            Result.WARN, f"{program} uses another token for {host} than the agent's",
            "devcopilot doctor git-settings overrides shows where it comes from", part=host,
        )  # fmt: skip
    return Finding(Result.OK, f"{program} gets the agent's token for {host}", part=host)


CHECK = Check(
    "helper",
    "GitHub",
    "whether git and gh get the agent's token when they ask for one",
    look,
    network=True,
    documents="docs/github.md#what-programs-use",
)
