"""All that is served. To add a surface, add its module and its name here."""

from agent.observe.metrics import surface as metrics
from agent.observe.page import surface as page
from agent.observe.report import api
from agent.observe.serve.surface import Surface

SURFACES: tuple[Surface, ...] = (metrics.SURFACE, page.SURFACE, api.SURFACE)
