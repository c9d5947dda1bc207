"""What Prometheus asks for: GET /metrics."""

from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import OPENMETRICS, TEXT, render, wants_openmetrics
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.observe.status import collect
from agent.settings.context import Context
from agent.settings.surfaces import METRICS

PATH = "/metrics"


def answer(request: Request, current: Context) -> Response:
    """Return the metrics in the format that is asked for."""
    if request.path != PATH:
        raise NotFoundError
    openmetrics = wants_openmetrics(request.headers.get("accept", ""))
    text = render(FAMILIES, collect(current), openmetrics=openmetrics)
    return Response(text.encode(), OPENMETRICS if openmetrics else TEXT, headers={"Vary": "Accept"})


SURFACE = Surface(METRICS, answer, password=lambda settings: settings.serving.metrics_password)
