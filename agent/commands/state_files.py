"""All files of state, which the reference lists."""

from agent.backup import history, undo
from agent.backup import record as backups
from agent.backup.create import databases, mapped_files
from agent.backup.restic import lock_sightings, locks
from agent.github import gh
from agent.github import record as tokens
from agent.github.sources import user
from agent.machine.planning import ledger
from agent.machine.records import unit_record as units
from agent.observe import findings, lost_lines
from agent.observe.activity import answer
from agent.observe.report import status as reports
from agent.services import registered
from agent.settings import context
from agent.tools import mcp_servers, trust
from agent.units import marks, unit
from agent.units.extensions import kind as extensions
from agent.workspace import ai_trust

DOCUMENTS = (
    context.INIT,
    context.PROBLEMS,
    registered.ROSTER,
    tokens.RECORD,
    user.KEPT,
    gh.MEMORY,
    ledger.LEDGER,
    backups.FILE,
    history.FILE,
    undo.FILE,
    locks.HOSTNAMES,
    lock_sightings.FILE,
    mapped_files.KNOWN,
    databases.COPIED,
    mcp_servers.RECORD,
    ai_trust.RECORD,
    units.UNIT,
    unit.TRIES,
    extensions.HISTORY,
    marks.ON_VOLUME,
    marks.IN_CONTAINER,
    trust.ANSWERS,
    findings.FILE,
    lost_lines.FILE,
    reports.STATE,
    answer.FILE,
)
