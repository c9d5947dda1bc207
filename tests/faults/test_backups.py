"""Something is killed or cut off while backups are worked on: none that was made is lost."""

from collections.abc import Callable

from tests.contract.rounds import FAULTS, WORK, playing
from tests.faults.tally import Tally


def test_no_backup_is_lost(tally: Callable[[int], Tally]) -> None:
    """Every one gives back at the end what it was made of; those of single rounds before that."""
    count, played = tally(60), 0
    every = [(work, fault) for fault in FAULTS for work in WORK]
    with playing() as rounds:
        while count.tried < count.wanted and played < 3 * count.wanted:
            if played % len(every) == 0:
                rounds.chance.shuffle(every)
            if rounds.play(*every[played % len(every)]):
                count.count()
            played += 1
        for name in rounds.backups:
            rounds.holds(name)
        print(f"{len(rounds.backups)} backups, all as they were made")
    print(*(f"{number:4} {name}" for name, number in sorted(rounds.counts.items())), sep="\n")
    assert count.tried == count.wanted, "the faults come too late"
