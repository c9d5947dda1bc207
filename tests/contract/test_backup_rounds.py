"""Round after round something is killed or cut off while backups are worked on."""

from collections import Counter

import pytest

from tests.contract.rounds import FAULTS, WORK, playing

ROUNDS_PER_MINUTE = 4


@pytest.mark.soak
def test_the_commands_lead_back_whatever_was_killed(soak_seconds: float) -> None:
    number = max(len(WORK), round(soak_seconds / 60 * ROUNDS_PER_MINUTE))
    every = [(work, fault) for fault in FAULTS for work in WORK]
    hits, played = Counter[str](), 0
    with playing() as rounds:
        while hits.total() < number or not all(hits[fault] for fault in FAULTS):
            if played % len(every) == 0:
                rounds.chance.shuffle(every)
            work, fault = every[played % len(every)]
            print(f"round {hits.total() + 1} of {number}: {work}, {fault}", flush=True)
            hits[fault] += rounds.play(work, fault)
            played += 1
            assert played < 3 * number + len(every), f"the faults come too late: {hits}"
        for name, count in sorted(rounds.counts.items()):
            print(f"{count:4} {name}")
