"""Whether the editor's first page answers: it needs more of code-server than its probe does."""

from collections.abc import Iterator

from agent.services import code_server, probes, registered
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context, read_state

TIMEOUT = 10.0
"""Seconds for the page."""


def look(current: Context) -> Iterator[Finding]:
    """Ask for the page, as a browser does first."""
    editor = current.settings.editor
    if read_state(current.facts) is None:
        yield Finding(Result.UNKNOWN, "the agent does not run here", "`devcopilot run` starts it")
        return
    names = [service.name for service in registered.ROSTER.read(current.facts).services]
    if code_server.NAME not in names:
        yield Finding(Result.SKIPPED, "code-server does not run here: it is off or not installed")
        return
    _, first = code_server.find_probes(current.settings)
    silent = probes.check(first, TIMEOUT)
    if silent:
        fix = "devcopilot explain code-server"
        yield Finding(Result.FAIL, f"the editor's first page does not come: {silent}", fix)
        return
    yield Finding(Result.OK, f"the editor answers on port {editor.port}")
    if editor.auth == "none":
        summary = "the editor asks for no password: everyone who reaches its port has a shell"
        yield Finding(Result.WARN, summary, "unset CODE_SERVER_AUTH")


CHECK = Check(
    "editor", "Services", "whether the editor's first page answers", look,
    documents="docs/settings.md",
)  # fmt: skip
