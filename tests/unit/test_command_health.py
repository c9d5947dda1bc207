"""How long `devcopilot health` waits for an answer."""

import re
import time
from pathlib import Path

import pytest

from agent.commands import health
from agent.services import probes
from agent.services.service import PortProbe, Service
from tests.worlds.machine import make_facts

ROOT = Path(__file__).parents[2]


def test_a_slow_service_leaves_the_others_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answers within the last moment that it has."""
    now, given = [100.0], []

    def answer_late(_probe: object, seconds: float, *_: object, **__: object) -> None:
        given.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(probes, "check", answer_late)
    services = [Service(name, ("x",), probe=PortProbe(1)) for name in "abc"]
    assert health.find_failures(services, make_facts(tmp_path)) == {}
    assert given == [health.TIMEOUT, health.LEAST, health.LEAST]


@pytest.mark.parametrize("name", ["docker/base/Dockerfile", "deploy/own-image/copy/Dockerfile"])
def test_an_image_gives_the_check_the_time_that_it_takes(name: str) -> None:
    (limit,) = re.findall(r"HEALTHCHECK .*--timeout=(\d+)s", (ROOT / name).read_text())
    assert int(limit) > health.TIMEOUT + health.LEAST
