"""What a window of the editor starts with: the editor asks whenever one opens a folder.

See docs/decisions/trust-in-the-editor.md.
"""

from pathlib import Path

from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.project import find_editor_path
from agent.tools import trust
from agent.tools.trust import Verdict


@frozen
class Window:
    """A window on one folder, or on a file that names several (.code-workspace)."""

    open: bool
    """Whether VS Code may leave its restricted mode without a question."""
    question: str
    """Why the user must be asked before code of the folder runs; empty: there is no need to."""
    readme: str
    """Path of the folder's README, which the window shows; empty: there is none."""
    project: str
    """What a window should be on, now: another one once the repository is there."""


def describe(context: Context, path: Path) -> Window:
    """Return what a window on this path starts with.

    Folders that a file names can be anywhere: only DEV8_TRUST speaks for them.
    """
    verdict = trust.find_verdict(context, path)
    asks = path.is_dir() and trust.needs_question(context, path)
    reason = trust.explain(context, path) if asks else None
    # Where repositories are to come, the folder may be empty only for now.
    is_harmless = path.is_dir() and not asks and not context.settings.repositories.entries
    is_open = verdict is Verdict.TRUSTED or (verdict is Verdict.ASK and is_harmless)
    question = reason.message if reason else ""
    return Window(is_open, question, find_readme(path), str(find_editor_path(context)))


def find_readme(folder: Path) -> str:
    """Return the README that VS Code would choose, or nothing."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return ""
    readmes = [name for name in names if name.lower().startswith("readme")]
    readmes.sort(key=lambda name: name.lower() != "readme.md")
    return str(folder / readmes[0]) if readmes else ""
