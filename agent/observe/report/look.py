"""How the workspace is used, in the words of a report. Light."""

from agent.observe.report import body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OF_THE_EDITOR = ("editor", "tab")
"""The signals of the activity that are a use of the editor; others are one of the shell."""


class Look:
    """How the workspace is used at this moment."""

    def __init__(
        self,
        ide: int,
        ssh: int,
        nanoseconds: int,
        uptime: float,
        *,
        ide_used: str = "",
        ssh_used: str = "",
    ) -> None:
        """`nanoseconds`: since the epoch; `uptime`: seconds since the machine started."""
        self.ide = ide
        """Open connections to the editor."""
        self.ssh = ssh
        self.moment = body.format_moment(nanoseconds)
        self.uptime = uptime
        self.ide_used = self.moment if ide else ide_used
        """When it was used last: as in the original, a connection is a use."""
        self.ssh_used = self.moment if ssh else ssh_used


def make_look(document: "dict[str, Any]", nanoseconds: int, uptime: float) -> Look:
    """Return what a sample of the activity says, as `agent.observe.activity.sample` writes it.

    What goes on without a connection, such as a build, is a use of the shell.
    """
    used = {"ide": [document["ide"]["last"]], "ssh": [document["ssh"]["last"]]}
    for row in document["signals"]:
        if row["counts"]:
            used["ide" if row["name"] in OF_THE_EDITOR else "ssh"].append(row["last"])
    last = {name: max(filter(None, found), default="") for name, found in used.items()}
    return Look(
        document["ide"]["connections"],
        document["ssh"]["connections"],
        nanoseconds,
        uptime,
        ide_used=body.lengthen(last["ide"]),
        ssh_used=body.lengthen(last["ssh"]),
    )
