"""Where a process comes from: it is the user's, or a part of what runs in every workspace."""

import os

from agent.observe.activity.proc_stat import Process
from agent.observe.activity.view import View

USER = "user"
OWN = "own"
"""Ours: the agent, its services and its jobs."""
EDITOR = "editor"
"""The editor's servers, its extensions and their language servers."""

_TERMINALS = "--type=ptyHost"
"""VS Code's process whose children are terminals and tasks."""
_EXTENSIONS = ("--type=extensionHost", "--type=fileWatcher")
VERB = "devcopilot"


def find(view: View, process: Process) -> str:
    """Return what a process is part of: the first that is known of it and those who started it."""
    seen = set()
    step: Process | None = process
    while step and step.pid not in seen:
        seen.add(step.pid)
        found = _judge(view, step, is_itself=step is process)
        if found:
            return found
        step = view.processes.get(step.parent)
    return USER


def is_agent(view: View, process: Process) -> bool:
    """Tell whether a process is init, or a child of its that is a part of the agent."""
    if process.pid == view.init:
        return True
    return process.parent == view.init and _is_own(view.read_command(process))


def is_verb(view: View, process: Process) -> bool:
    """Tell whether somebody runs a command of ours: who looks at a workspace does not use it."""
    if process.name == VERB:
        return True
    if not (process.name.startswith("python") and process.has_terminal):
        return False
    return not is_agent(view, process) and _is_own(view.read_command(process))


def _judge(view: View, process: Process, *, is_itself: bool) -> str:
    """Return what is known of a process, or of those that it has started; empty: nothing."""
    if process.pid == view.init or process.pid == str(os.getpid()):
        return OWN if is_itself else USER
    if process.name.startswith("sshd"):
        return OWN if is_itself else USER
    words = view.read_command(process)
    if _TERMINALS in words:
        return EDITOR if is_itself else USER
    if any(word in words for word in _EXTENSIONS) or _is_editor(words):
        return EDITOR
    return OWN if process.parent == view.init and _is_own(words) else ""


def _is_own(words: list[str]) -> bool:
    """Tell whether init started it for the agent: a job, the log, supervisord, a copy of init."""
    module = words[words.index("-m") + 1] if "-m" in words[1:4] else ""
    return module == "agent" or module.startswith(("agent.", "supervisor."))


def _is_editor(words: list[str]) -> bool:
    """Tell whether it is a server of VS Code's, in the browser or over SSH."""
    return any(
        ("code-server" in word or ".vscode-server" in word or "server-main.js" in word)
        for word in words[:3]
    )
