"""supervisord is killed, stopped and continued."""

import os
import signal
import subprocess
from collections.abc import Callable

from agent.machine.light.exits import Exit
from tests.faults.life import SUPERVISORD
from tests.faults.lives import LEAN, SERVICES, Ground, add_service, laid_ground, living
from tests.faults.tally import Tally
from tests.worlds.waiting import pass_time


def lose_supervisord(after: float) -> str:
    """Kill it so many seconds after its services have begun; return what was wrong."""
    with laid_ground() as ground:
        ended = ground.folder / "home/user"  # the service's own disk
        script = f"trap 'echo asked; exit' TERM; echo begun last; touch {ended}; "
        add_service(ground.folder, "last", script + "while :; do sleep 0.05; done")
        with living(ground, variables=LEAN) as life:
            life.box.wait_for("begun last")
            pass_time(after)
            os.kill(life.box.find(SUPERVISORD) or 0, signal.SIGKILL)
            code = life.box.wait()
            good = code == Exit.SUPERVISOR_LOST and '"message": "asked"' in life.box.out
            return "" if good else f"{code}: {life.tail()}"


def test_the_loss_of_supervisord_ends_the_container(tally: Callable[[int], Tally]) -> None:
    """Its services are asked to end before that, whenever it is lost."""
    count = tally(100)
    count.spread(lose_supervisord, [number / count.wanted for number in count.tries()])
    count.check()


def test_stopped_and_continued(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """Meanwhile services go on; those that ended in between come back after it."""
    count = tally(100)
    with living(ground, variables=LEAN) as life:
        life.wait_ready()
        for number in count.tries():
            supervisord = life.box.find(SUPERVISORD) or 0
            before = {name: life.find_service(name) for name in SERVICES}
            os.kill(supervisord, signal.SIGSTOP)
            if number % 10 == 0:
                os.kill(before["two"], signal.SIGKILL)
            pass_time(0.02 * (number % 10))
            os.kill(supervisord, signal.SIGCONT)
            life.wait_calm()
            changed = {name for name in SERVICES if life.find_service(name) != before[name]}
            wanted = {"two"} if number % 10 == 0 else set()
            count.count("" if changed == wanted else f"{changed} started again: {life.tail()}")
        assert life.stop() == 0, life.tail()
    count.check()


def stop_while_stopped(_: int) -> str:
    """Stop it, and then all; return what was wrong."""
    with laid_ground() as ground, living(ground, variables=LEAN) as life:
        life.wait_ready()
        os.kill(life.box.find(SUPERVISORD) or 0, signal.SIGSTOP)
        try:
            code = life.stop()
        except subprocess.TimeoutExpired:
            code = -1
        hasty = "stop timeout reached" in life.box.out
        return f"{code}: {life.tail()}" if code or hasty else ""


def test_a_stop_finds_it_stopped(tally: Callable[[int], Tally]) -> None:
    count = tally(50)
    count.spread(stop_while_stopped, count.tries())
    count.check()
