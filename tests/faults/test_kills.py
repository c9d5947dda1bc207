"""KILL for any process but supervisord and `configure`, at any moment of a life and its stop."""

import random
from collections import Counter
from collections.abc import Callable

from tests.faults.killer import ANYTHING, AT_START, AT_STOP, STARTED, Killer
from tests.faults.lives import SERVICES, laid_ground, living
from tests.faults.tally import AT_ONCE, Tally
from tests.faults.victims import KEPT, Deck, Victim, list_units, list_verbs

KILLS_A_LIFE = 25
ABSENT = {"extensions", "tools"}
"""Units that need an editor, or npm: test_image_kills.py kills these."""
OWN = [Victim("service", name) for name in SERVICES]
UNITS = [unit for unit in list_units() if unit.name not in ABSENT]
OFTEN = 3
"""How much oftener a kept process, a job or a service is killed than a verb."""
GROWTH_ALLOWED_KB = 1024

Seen = tuple[int, int]
"""Of a life that has become calm: descriptors, kB of init."""


def live_and_kill(count: Tally, deck: Deck, killed: Counter[str], seed: int) -> Seen:
    """Kill so many times in one life; return what it was like afterwards."""
    chance = random.Random(seed)
    with laid_ground() as ground, living(ground) as life:
        life.box.wait_for("begun one")
        killer = Killer(life, deck, killed, chance)
        killer.kill_at_start()
        for _ in range(min(KILLS_A_LIFE, count.wanted)):
            killer.kill_next()
            count.count("" if life.box.process.poll() is None else f"init ended: {life.tail()}")
        killer.clean()
        life.wait_alone()
        seen = (life.count_descriptors(), life.find_memory())
        killer.kill_at_stop()
        assert life.box.wait() == 0, life.tail()
        assert "Traceback" not in life.box.out + life.box.err, life.tail()
        return seen


def test_kill_anything(tally: Callable[[int], Tally]) -> None:
    """Everything comes back, init stays, nothing is left over, and the stop ends with 0."""
    count, killed = tally(1000), Counter[str]()
    often = [*KEPT, *STARTED, *OWN, *[ANYTHING] * 3] * OFTEN
    deck = Deck([*often, *list_verbs(), *UNITS], random.Random(17))
    seen: list[Seen] = []

    def live(seed: int) -> str:
        seen.append(live_and_kill(count, deck, killed, seed))
        return ""

    lives = Tally(count.name, -(-count.wanted // KILLS_A_LIFE))
    lives.spread(live, lives.tries())
    lives.check()
    print(*(f"{number:5} {name}" for name, number in sorted(killed.items())), sep="\n")
    print("descriptors, kB of init:", *seen[:AT_ONCE], "…", seen[-1])
    count.check()
    first = seen[0]
    assert all(each[0] <= first[0] + 2 for each in seen), seen
    assert all(each[1] <= first[1] + GROWTH_ALLOWED_KB for each in seen), seen
    if count.wanted >= 1000:
        every = (*KEPT, *OWN, *STARTED, *AT_START, *AT_STOP, *list_verbs(), *UNITS)
        assert {str(victim) for victim in every} <= {*killed}, killed
