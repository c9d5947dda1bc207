"""All that is served. To add a surface, add its name and its module, which has a SURFACE.

A module is loaded when somebody first asks for it: a scrape needs nothing of the page.
"""

from agent.machine import modules
from agent.observe.serve.surface import Surface
from agent.settings.surfaces import API, METRICS, PAGE

SURFACES = {
    METRICS: "agent.observe.metrics.surface",
    PAGE: "agent.observe.page.surface",
    API: "agent.observe.report.local_api",
}


def load(name: str) -> Surface:
    """Return the surface of this name."""
    found: Surface = modules.load(SURFACES[name]).SURFACE
    return found
