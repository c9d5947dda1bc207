"""All metrics. To add a group of them, add its module and its name here."""

from agent.observe.metrics import activity, backups, github, machine, reports, services, workspace
from agent.observe.metrics.family import Family
from agent.observe.status import Status

FAMILIES: tuple[Family[Status], ...] = (
    *workspace.FAMILIES,
    *services.FAMILIES,
    *github.FAMILIES,
    *backups.FAMILIES,
    *machine.FAMILIES,
    *activity.FAMILIES,
    *reports.FAMILIES,
)
