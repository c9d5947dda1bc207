"""All checks of `devcopilot doctor`: each room has its own."""

from agent.backup.checks.all import CHECKS as BACKUP
from agent.github.checks.all import CHECKS as GITHUB
from agent.observe.checks.all import CHECKS as OBSERVE
from agent.observe.doctor import GROUPS
from agent.services.checks.all import CHECKS as SERVICES
from agent.settings.check import Check
from agent.tools.checks.all import CHECKS as TOOLS
from agent.units.checks.all import CHECKS as UNITS
from agent.workspace.checks.all import CHECKS as WORKSPACE

CHECKS: tuple[Check, ...] = tuple(
    sorted(
        (*GITHUB, *WORKSPACE, *UNITS, *BACKUP, *TOOLS, *SERVICES, *OBSERVE),
        key=lambda check: GROUPS.index(check.group),
    )
)
