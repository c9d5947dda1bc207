"""`make faults` kills everything that the agent's lists hold, new things too."""

import random
from dataclasses import replace

import pytest

from agent.__main__ import VERBS
from agent.machine.light.boot_file import Job
from agent.services.all import SERVICES
from agent.units.all import KINDS
from agent.workspace.jobs import JOBS
from tests.faults import victims
from tests.faults.victims import Deck, Victim


def names(found: tuple[Victim, ...]) -> set[str]:
    return {victim.name for victim in found}


def test_nothing_is_left_out() -> None:
    assert names(victims.list_jobs()) == {kind.job.name for kind in JOBS}
    assert {victim.words[0] for victim in victims.list_verbs()} == {*VERBS} - victims.PID_1
    assert names(victims.list_units()) == {kind.name for kind in KINDS}
    assert names(victims.list_services()) == {service.name for service in SERVICES}


def test_each_has_words_to_be_found_by() -> None:
    """Without any, everything would be found."""
    assert all(victim.words for victim in (*victims.KEPT, *victims.list_jobs()))


def test_words_are_of_verbs_that_exist() -> None:
    assert victims.WORDS.keys() | victims.PID_1 <= VERBS.keys()


def test_what_is_new_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VERBS, "frobnicate", "do something new")
    job = replace(JOBS[0], job=Job(**{**vars(JOBS[0].job), "name": "new job"}))
    monkeypatch.setattr(victims, "JOBS", (*JOBS, job))
    monkeypatch.setattr(victims, "KINDS", (*KINDS, replace(KINDS[0], name="new unit")))
    assert Victim("verb", "frobnicate", ("frobnicate",)) in victims.list_verbs()
    assert "new job" in names(victims.list_jobs())
    assert Victim("unit", "new unit", ("rerun", "new unit")) in victims.list_units()


def test_a_deck_gives_each_as_often_as_any_other() -> None:
    every = victims.list_verbs()
    deck = Deck(every, random.Random(1))
    drawn = [deck.draw() for _ in range(3 * len(every))]
    assert {drawn.count(victim) for victim in every} == {3}
    last = deck.draw()
    deck.put_back(last)
    assert [deck.draw() for _ in range(2 * len(every))].count(last) == 2
