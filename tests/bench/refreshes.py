"""The refreshes of a container, as its init counts them. Nobody else is asked: that would cost."""

import json

from tests.worlds.containers import Container


def count_refreshes(box: Container) -> int:
    """Return how many refreshes have ended."""
    job = _read_job(box)
    return job["runs"] - int(job["running"])


def is_refreshing(box: Container) -> bool:
    """Tell whether a refresh runs."""
    return bool(_read_job(box)["running"])


def _read_job(box: Container) -> dict[str, int]:
    """Return what init says of the job."""
    state = json.loads(box.execute("cat", "/dev/shm/devcopilot-1000/state.json"))
    job: dict[str, int] = state["jobs"]["refresh"]
    return job
