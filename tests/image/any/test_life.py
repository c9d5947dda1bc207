"""A container of the image lives: it becomes ready, has no problems, and stops in order."""

from typing import Any

import pytest

from tests.image.any.conftest import Stranger
from tests.image.conftest import MODES
from tests.worlds.containers import answers_ssh, running

promise = pytest.mark.promise
ENTRYPOINT = [
    "/usr/bin/env", "--block-signal=TERM,INT,HUP,QUIT", "/usr/local/bin/devcopilot", "run", "--",
]  # fmt: skip
KNOWN = ("nobody can log in over ssh yet",)
"""What the agent says of any container that nobody has given a key."""


@promise("the agent as ENTRYPOINT", f"ENTRYPOINT {ENTRYPOINT}".replace("'", '"'))
def test_the_agent_is_the_entrypoint(stranger: Stranger) -> None:
    """Signals are blocked before Python starts, so that one that comes early is kept."""
    if not stranger.has_feature:
        assert stranger.image.config["Entrypoint"] == ENTRYPOINT


@promise("a start without problems and an orderly stop", "see .cache/check-image.log")
def test_becomes_ready_without_problems_and_stops_in_order(
    stranger: Stranger, mode: str, record_property: Any
) -> None:
    options = () if mode == "writable" else stranger.harden()
    assert mode in MODES
    with running(stranger.start(*options)) as box:
        try:
            box.wait_ready()
        except TimeoutError as error:
            record_property(
                "finding", f"problem: {str(error).partition(';')[0]} (its log is among the details)"
            )
            raise
        problems = [row for row in box.status()["problems"] if not row["message"].startswith(KNOWN)]
        for row in problems:
            record_property("finding", f"problem: {row['message']} ({row['hint']})")
        assert problems == []
        if "sshd" in {row["name"] for row in box.status()["services"]}:
            assert answers_ssh(box.ssh_port)
        _, code = box.stop()
        assert code == 0
