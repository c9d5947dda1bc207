"""All that exists: a view of the lists of the rooms, for documents and for tests.

To add a thing, add it to the list of its room. Nothing that works imports this module.
"""

from agent.backup.targets.all import TARGETS
from agent.commands.checks import CHECKS
from agent.commands.state_files import DOCUMENTS
from agent.github.sources.all import SOURCES
from agent.observe.activity.all import SIGNALS
from agent.observe.metrics.all import FAMILIES
from agent.observe.serve.all import SURFACES
from agent.services.all import SERVICES
from agent.tools.all import TOOLS
from agent.units.all import KINDS
from agent.workspace.all import STEPS
from agent.workspace.jobs import JOBS

__all__ = [
    "CHECKS", "DOCUMENTS", "FAMILIES", "JOBS", "KINDS", "SERVICES", "SIGNALS", "SOURCES", "STEPS",
    "SURFACES", "TARGETS", "TOOLS",
]  # fmt: skip
