"""The workspace and git in it. To add a variable, add a field."""

from pathlib import Path

from agent.machine.values import frozen
from agent.settings.parsers import data_folder, one_of, single_line
from agent.settings.variable import variable


@frozen
class Workspace:
    """The workspace."""

    folder: Path = variable(
        "WORKSPACE_DIR",
        data_folder,
        "Workspace folder, which the editor opens. Folders of the system, such as / and /proc, are "
        "refused.",
        default="/workspace",
    )
    identifier: str | None = variable(
        "ENVIRONMENT_ID",
        single_line,
        "Name of this workspace: of its folder at the backup destinations, in reports to the "
        "control plane, on the editor's login page and in the name of its session cookie.",
        aliases=("WORKSPACE_ID",),
    )


@frozen
class Git:
    """Git."""

    user_name: str | None = variable("GIT_USER_NAME", single_line, "Default of git's user.name.")
    user_email: str | None = variable("GIT_USER_EMAIL", single_line, "Default of git's user.email.")
    signing: str = variable(
        "DEV8_GIT_SIGNING",
        one_of("off", "ssh"),
        "ssh: sign commits and tags with SSH_PRIVATE_KEY, once a test signature has worked.",
        default="off",
    )
