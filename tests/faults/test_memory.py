"""The memory limit is hit, and the kernel kills code-server: log and status say what it was."""

from collections.abc import Callable

import pytest

from agent.services.supervisord import RUNNING
from tests.faults.tally import Tally
from tests.worlds.containers import HARDENED, MVP, Container, Recipe, running
from tests.worlds.waiting import wait_until

LIMIT = ("--memory", "700m", "--memory-swap", "700m")
EATER = "x = []\nwhile True: x.append(b'x' * (8 << 20))"
PYTHON = "/opt/devcopilot/bin/python"
FIRST_TO_END = 1000
"""Of oom_score_adj: proc_pid_oom_score_adj(5)."""


def find_editor(box: Container) -> dict[str, object]:
    """Return what status says of code-server."""
    rows = box.status()["services"]
    return dict(next(row for row in rows if row["name"] == "code-server"))


def has_told(box: Container, times: int) -> bool:
    told = [event for event in box.events() if "out of memory" in event["message"]]
    return len(told) >= times and any(event.get("service") == "code-server" for event in told)


@pytest.mark.image
def test_the_kernel_kills_the_editor(tally: Callable[[int], Tally]) -> None:
    count = tally(20)
    with running(Recipe(MVP, (*HARDENED, *LIMIT))) as box:
        box.wait_ready()
        for number in count.tries():
            wait_until(
                lambda: find_editor(box)["supervisord"] == RUNNING, "a life of ten seconds"
            )  # its own state is RUNNING as soon as it answers
            before = find_editor(box)["pid"]
            adjust = f"echo {FIRST_TO_END} >/proc/{before}/oom_score_adj"
            box.execute("sh", "-c", adjust)
            box.call(PYTHON, "-c", EATER)
            failure = ""
            try:
                wait_until(lambda: find_editor(box)["pid"] not in (0, None, before), "its return")  # noqa: B023
                wait_until(lambda: has_told(box, number + 1), "the line in the log", 20)  # noqa: B023
                wait_until(lambda: box.call("devcopilot", "health").returncode == 0, "health")
            except TimeoutError as error:
                failure = f"{error}: {box.logs()[-2000:]}"
            problems = [row["message"] for row in box.status()["problems"]]
            if not any("killed because the memory was used up" in each for each in problems):
                failure += f"; status says {problems}"
            count.count(failure)
        assert box.stop()[1] == 0
    count.check()
