"""The programs that are known by name."""

from agent.observe.activity import origins
from agent.observe.activity.processes import Process
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

AI = frozenset({"claude", "codex", "copilot", "gemini"})
_INTERPRETERS = ("MainThread", "bun", "deno", "node")
"""Names of processes that are scripts: Node calls its first thread so."""
_HEADLESS = frozenset({"-p", "--print", "--prompt", "exec", "e"})
"""What makes an AI tool do one task and end."""
_FED = "--input-format"
"""An editor or another program talks to it: it waits for that."""


def find_ai(view: View, process: Process) -> str:
    """Return which AI tool a process is; empty: none."""
    if process.name in AI:
        return process.name
    if not process.name.startswith(_INTERPRETERS):
        return ""
    for word in view.read_command(process)[:4]:
        name = word.rpartition("/")[2].removesuffix(".js").removesuffix(".mjs")
        if name in AI:
            return name
    return ""


def find_tools(view: View) -> dict[str, str]:
    """Return the AI tools that run, by pid."""
    found = {pid: find_ai(view, process) for pid, process in view.processes.items()}
    return {pid: tool for pid, tool in found.items() if tool}


def is_headless(view: View, tool: Process) -> bool:
    """Tell whether an AI tool does one task and waits for nobody."""
    words = view.read_command(tool)[1:]
    return not _HEADLESS.isdisjoint(words) and not any(word.startswith(_FED) for word in words)


def find_aside(view: View) -> list[Process]:
    """Return the processes that are judged elsewhere, or never count, with what they started."""
    tools = view.once(find_tools)
    heads = [
        each
        for pid, each in view.processes.items()
        if pid in tools or each.name in SHOWING or origins.is_verb(view, each)
    ]
    return list(view.family.find(heads))
