"""The programs that are known by name."""

from agent.observe.activity import origins
from agent.observe.activity.proc_stat import Process
from agent.observe.activity.view import View

SHELLS = frozenset(
    {"ash", "bash", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "pwsh", "sh", "tcsh",
     "xonsh", "zsh"}
)  # fmt: skip
SHOWING = frozenset(
    {"btop", "ctop", "htop", "iotop", "inotifywait", "nmon", "nvtop", "tail", "top", "watch"}
)
"""They only show something: neither what they do counts nor what they start to do it."""
WAITING = frozenset(
    {"emacs", "entr", "helix", "hx", "joe", "k9s", "kak", "lazydocker", "lazygit", "less", "man",
     "mc", "micro", "more", "most", "nano", "nvim", "ranger", "sleep", "tig", "vi", "view", "vim",
     "vim.basic", "vim.tiny", "yazi"}
    # whose own terminals show what goes on in them
    | {"abduco", "byobu", "dtach", "mosh-server", "screen", "script", "su", "sudo", "tmux",
       "tmux: client", "tmux: server", "zellij"}
)  # fmt: skip
"""They wait, for a key or for another program: what they have started may count."""

_INTERPRETERS = ("MainThread", "bun", "deno", "node")
"""Names of processes that are scripts: Node calls its first thread so."""


def find_ai(view: View, process: Process) -> str:
    """Return which AI tool a process is; empty: none."""
    known = view.rules.tools
    if process.name in known:
        return process.name
    if not process.name.startswith(_INTERPRETERS):
        return ""
    for word in view.read_command(process)[:4]:
        name = word.rpartition("/")[2].removesuffix(".js").removesuffix(".mjs")
        if name in known:
            return name
    return ""


def find_tools(view: View) -> dict[str, str]:
    """Return the AI tools that run, by pid."""
    found = {pid: find_ai(view, process) for pid, process in view.processes.items()}
    return {pid: tool for pid, tool in found.items() if tool}


def is_headless(view: View, tool: str, process: Process) -> bool:
    """Tell whether an AI tool does one task, and waits neither for a person nor for a program."""
    words, known = view.read_command(process)[1:], view.rules.tools[tool]
    fed = known.get("fed")
    if fed and any(word.startswith(fed) for word in words):
        return False
    return any(word in known.get("headless", ()) for word in words)


def find_aside(view: View) -> list[Process]:
    """Return the processes that are judged elsewhere, or never count, with what they started."""
    tools = view.once(find_tools)
    heads = [
        each
        for pid, each in view.processes.items()
        if pid in tools or each.name in SHOWING or origins.is_verb(view, each)
    ]
    return list(view.family.find(heads))
