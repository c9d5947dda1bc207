"""What the sampler must know of the settings: a file that `configure` writes. Light.

`agent.workspace.activity_rules` writes it, and says what each row is.
"""

import json
import os

from agent.machine.light import runtime
from agent.machine.light.files import SETTINGS, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = os.path.join(runtime.ACTIVITY, "rules.json")
"""In the runtime folder."""


class Rules:
    """The settings of the activity; durations in seconds."""

    def __init__(self, rows: "dict[str, Any]") -> None:
        self.timeout: float | None = rows.get("timeout")
        """None: nothing is done about an idle workspace."""
        self.action: list[str] = rows.get("action", ["report"])
        """One of the two words report and exit, or the words of a command."""
        self.interval: float = rows.get("interval", 30.0)
        self.job_max: float = rows.get("job_max", 6 * 3600.0)
        self.tabs: bool = rows.get("tabs", False)
        self.editor_port: int = rows.get("editor_port", 0)
        """0: it does not run."""
        self.ssh_port: int = rows.get("ssh_port", 0)
        self.heartbeat: str = rows.get("heartbeat", "")
        """Path of the file that code-server touches while a tab is open."""
        self.workspace: str = rows.get("workspace", "/")
        self.home: str = rows.get("home", "/")
        self.tools: dict[str, dict[str, Any]] = rows.get("tools", {})
        """The AI tools by their program: what `headless` and `fed` of the tool say."""

    @property
    def has_command(self) -> bool:
        """Tell whether the action is a command."""
        return self.action not in (["report"], ["exit"])


def load(folder: str) -> Rules:
    """Return the rules of this runtime folder; a damaged file has none."""
    try:
        rows = json.loads(read_file(os.path.join(folder, FILE), SETTINGS))
        return Rules(rows)
    except (OSError, ValueError, AttributeError):
        return Rules({})
