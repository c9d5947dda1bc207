"""KILL in a container of dev8-mvp: code-server, sshd, sessions of people, extensions, AI tools."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Login, make_login
from tests.e2e.registry import Registry, serving, write_locks
from tests.faults.image_lives import (
    BROUGHT,
    TOOL,
    Sessions,
    bring,
    forget,
    living_in_image,
    serving_gallery,
)
from tests.faults.killer import ANYTHING, Killer
from tests.faults.life import Life, list_family
from tests.faults.tally import Tally
from tests.faults.victims import KEPT, Deck, Victim, list_services
from tests.worlds.waiting import wait_until

SESSION = Victim("session")
"""Somebody who is logged in over ssh."""
UNITS = [Victim("unit", name, ("rerun", name)) for name in BROUGHT]
MOST_SESSIONS = 3


class ImageKiller(Killer):
    """Kills what only an image brings, too."""

    sessions: Sessions

    def kill(self, victim: Victim) -> bool:
        if victim.kind == "session":
            return self.kill_session(victim)
        if victim.kind == "unit":
            forget(self.life)
        return super().kill(victim)

    def kill_session(self, victim: Victim) -> bool:
        """Kill the process of one session, or its command; nobody else is thrown out."""
        while self.sessions.count() < MOST_SESSIONS:
            self.sessions.log_in()
        below = self.life.box.processes()
        heads = [pid for pid, words in below.items() if words.startswith("sshd: dev8@")]
        before = self.sessions.count()
        if not heads:
            return False
        family = list_family(self.random.choice(heads))
        if not self.strike(self.random.choice(family), victim):
            return False
        wait_until(lambda: self.sessions.count() < before, "the end of the session", 20)
        assert self.sessions.count() == before - 1, "others were thrown out"
        return True


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as registry, serving_gallery(registry):
        yield registry


@pytest.fixture
def login(tmp_path: Path) -> Login:
    return make_login(tmp_path)


@pytest.mark.image
def test_kill_what_an_image_brings(
    tally: Callable[[int], Tally], registry: Registry, login: Login, tmp_path: Path
) -> None:
    """All comes back, others stay logged in, and what was half brought is brought."""
    count, killed = tally(200), Counter[str]()
    tmp_path.chmod(0o755)
    locks = write_locks(registry, TOOL, "1.0.0", tmp_path / "locks")
    victims = [*list_services(), SESSION, *UNITS, ANYTHING]
    with living_in_image(registry, locks, login) as life:
        life.wait_calm()
        chance = random.Random(5)
        killer = ImageKiller(life, Deck([*victims * 3, *KEPT], chance), killed, chance)
        killer.sessions = Sessions(life, login)
        for _ in count.tries():
            killer.kill_next()
            count.count(look(life))
        killer.sessions.end()
        killer.clean()
        life.wait_calm()
        assert bring(life) == ""
        wait_until(killer.sessions.can_log_in, "a login")
        assert "Traceback" not in life.box.out, life.tail()
        assert life.stop() == 0, life.tail()
    print(*(f"{number:5} {name}" for name, number in sorted(killed.items())), sep="\n")
    count.check()
    if count.wanted >= 200:
        assert {str(victim) for victim in (*victims, *KEPT)} <= {*killed}, killed


def look(life: Life) -> str:
    """Return what is wrong just after a kill: init must live."""
    return "" if life.box.process.poll() is None else f"init ended: {life.tail()}"
