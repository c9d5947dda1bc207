"""What Prometheus asks for: GET /metrics."""

import math
import time
from collections.abc import Callable

from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import OPENMETRICS, TEXT, render, wants_openmetrics
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.observe.status import Trouble, collect, find_problems
from agent.settings.context import Context
from agent.settings.surfaces import METRICS

PATH = "/metrics"


class Remembered:
    """Finds problems, and says the same for a while: that runs git, and scrapes come often."""

    SECONDS = 60.0

    def __init__(
        self,
        find: Callable[[Context], list[Trouble]] = find_problems,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._now = now
        self._until = -math.inf
        self._found: list[Trouble] = []

    def __call__(self, current: Context) -> list[Trouble]:
        """Return the problems of this workspace; a process serves only one."""
        if self._now() >= self._until:
            self._found = self._find(current)
            self._until = self._now() + self.SECONDS
        return self._found


PROBLEMS = Remembered()


def answer(request: Request, current: Context) -> Response:
    """Return the metrics in the format that is asked for."""
    if request.path != PATH:
        raise NotFoundError
    openmetrics = wants_openmetrics(request.headers.get("accept", ""))
    text = render(FAMILIES, collect(current, PROBLEMS), openmetrics=openmetrics)
    return Response(text.encode(), OPENMETRICS if openmetrics else TEXT, headers={"Vary": "Accept"})


SURFACE = Surface(METRICS, answer, password=lambda settings: settings.serving.metrics_password)
