"""As many processes as there may be: nothing can be started for a while."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

from tests.faults import breaking
from tests.faults.lives import Ground, living
from tests.faults.tally import Tally
from tests.worlds.waiting import pass_time

A_WHILE = 3.0
JOBS = ("refresh", "broker", "serve", "setup", "idle")


def test_no_more_processes(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """What ends meanwhile, the log process too, comes back once there is room."""
    count = tally(50)
    with living(ground) as life:
        life.wait_ready()
        life.wait_calm()
        for _ in count.tries():
            breaking.limit_processes(life, 1)
            for words in ("agent.init.logger", "agent.init --booted"):
                with suppress(ProcessLookupError):
                    os.kill(life.box.find(words) or 0, signal.SIGKILL)
            os.kill(life.find_service("two"), signal.SIGKILL)
            for name in JOBS:
                life.start_job(name)
            pass_time(A_WHILE)
            breaking.limit_processes(life, None)
            failure = ""
            try:
                life.wait_calm()
            except TimeoutError as error:
                failure = str(error)
            count.count(failure)
        assert life.stop() == 0, life.tail()
    count.check()
