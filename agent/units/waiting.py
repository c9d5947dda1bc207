"""What one can wait for, and whether it is there."""

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from agent.github import published
from agent.github.hosts import find_accounts
from agent.machine.errors import UsageError
from agent.machine.light.expressions import regex
from agent.machine.network import sockets
from agent.machine.records import unit_record
from agent.machine.records.unit_record import BAD, GOOD, Record, State, make_name
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.services import probes
from agent.settings import context
from agent.settings.context import Context
from agent.units.all import KINDS
from agent.units.unit import Kind

MILESTONES = "milestones"
"""Folder in the runtime folder: an empty file for each `devcopilot done NAME`."""
NAME = regex(r"[\w.-]{1,64}", re.ASCII)
SERVICES = {"ide": "code-server", "ssh": "sshd"}
"""What people call two services -> their names."""
PROBE_TIMEOUT = 3.0


@frozen
class Answer:
    """How something stands that is waited for."""

    state: State
    reason: str = ""
    hint: str = ""
    unit: Record | None = None
    """The unit that is at work for it."""


Question = Callable[[Context], Answer]
"""Looks how it stands."""


def find_question(what: str) -> Question:
    """Return the question that one of the words of `wait --for` stands for.

    Raises AgentError (exit 2) where there is none.
    """
    word, _, name = what.partition(unit_record.SEPARATOR)
    if what in SIMPLE:
        return SIMPLE[what]
    if what in SERVICES:
        return lambda current: ask_service(SERVICES[what], current)
    if what in {kind.name for kind in KINDS}:
        return lambda current: ask_kind(what, current)
    if word == "unit" and name:
        return lambda current: ask_unit(name, current)
    if word == "done" and NAME.fullmatch(name):
        return lambda current: ask_milestone(name, current)
    if word == "port" and name.isdecimal() and 0 < int(name) < 65536:
        return lambda _: ask_port(int(name))
    near = difflib.get_close_matches(what, list_words(), 1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(list_words())}"
    raise UsageError(f"nothing to wait for is called {what}", hint)


def is_told(what: str) -> bool:
    """Return whether a change in `list_folders` tells of it: ports and tokens must be looked at."""
    return what not in (*SERVICES, "token") and not what.startswith("port:")


def list_folders(facts: Facts) -> tuple[Path, ...]:
    """Return the folders in which a change may be what is waited for; some may be missing yet."""
    return facts.runtime, facts.runtime / unit_record.FOLDER, facts.runtime / MILESTONES


def list_words() -> list[str]:
    """Return all that can be waited for, as it is typed."""
    names = [*SIMPLE, *SERVICES, *(kind.name for kind in KINDS)]
    return [*names, "port:NUMBER", "unit:NAME", "done:NAME"]


# --- the questions ------------------------------------------------------------------------------


def ask_services(current: Context) -> Answer:
    """Return whether all essential services have answered."""
    state = context.read_state(current.facts)
    if state is None:
        return Answer(State.WAITING, "the agent is not running here")
    if state.get("stopping_because"):
        return Answer(State.FAILED, f"the container stops: {state['stopping_because']}")
    if state.get("phase") == "ready":
        return Answer(State.DONE)
    return Answer(State.WAITING, "the services are starting")


def ask_service(name: str, current: Context) -> Answer:
    """Return whether one service answers its probe."""
    from agent.services.registered import ROSTER  # noqa: PLC0415 - most waits need it not

    found = [each for each in ROSTER.read(current.facts).services if each.name == name]
    if not found:
        return Answer(State.SKIPPED, f"there is no service {name}")
    probe = found[0].probe
    why = probe and probes.check(probe, PROBE_TIMEOUT, current.facts.user_environ, thorough=False)
    return Answer(State.WAITING, f"{name}: {why}") if why else Answer(State.DONE)


def ask_token(current: Context) -> Answer:
    """Return whether there is a token for every host that has a source of one."""
    accounts = current.once(find_accounts)
    for host, problem in accounts.in_trouble.items():
        return Answer(State.FAILED, f"{host}: {problem.message}", problem.hint)
    hosts = [account.host for account in accounts.known]
    missing = [host for host in hosts if published.read_token(current.facts, host) is None]
    if missing:
        return Answer(State.WAITING, f"{missing[0]}: no token yet", "devcopilot refresh")
    return Answer(State.DONE if hosts else State.SKIPPED)


def ask_backup(current: Context) -> Answer:
    """Return whether a backup has been made in this life of the container."""
    job = ((context.read_state(current.facts) or {}).get("jobs") or {}).get("backup")
    if not job:
        return Answer(State.SKIPPED, "no backups are scheduled")
    if job.get("last_exit") is None:
        return Answer(State.WAITING, "no backup has ended yet")
    if job["last_exit"]:
        return Answer(State.FAILED, "the last backup failed", "devcopilot status")
    return Answer(State.DONE)


def ask_kind(name: str, current: Context) -> Answer:
    """Return the state of a kind; one that has not started waits for what it needs."""
    kinds = {kind.name: kind for kind in KINDS}
    if not kinds[name].wanted(current.settings):
        return Answer(State.SKIPPED, f"{name} is not asked for")
    found = unit_record.read(current.facts, name)
    if found is None or found.state is State.WAITING:
        for needed in filter(kinds.__contains__, kinds[name].needs):
            answer = ask_kind(needed, current)
            if answer.state in BAD:
                return Answer(answer.state, f"{needed} has failed: {answer.reason}", answer.hint)
    return _answer(found)


def ask_unit(name: str, current: Context) -> Answer:
    """Return the state of a unit; an unknown one may still come."""
    return _answer(unit_record.read(current.facts, name))


def _answer(found: Record | None) -> Answer:
    if found is None:
        return Answer(State.WAITING, "it has not started yet")
    return Answer(found.state, found.reason, found.hint, found)


def ask_milestone(name: str, current: Context) -> Answer:
    """Return whether somebody has called `devcopilot done NAME`."""
    there = (current.facts.runtime / MILESTONES / name).exists()
    missing = f"`devcopilot done {name}` has not been run yet"
    return Answer(State.DONE if there else State.WAITING, missing)


def ask_port(number: int) -> Answer:
    """Return whether a program listens on a port."""
    there = number in sockets.find_listening()
    return Answer(State.DONE if there else State.WAITING, f"nothing listens on port {number}")


def ask_all(current: Context) -> Answer:
    """Return whether the services answer and everything that is wanted is done."""
    kinds = [kind for kind in KINDS if kind.counts and kind.wanted(current.settings)]
    return join([ask_services(current), *(ask_enough(kind, current) for kind in kinds)])


def ask_enough(kind: Kind, current: Context) -> Answer:
    """Return whether as much of a kind is done as people need to begin."""
    answer = ask_kind(kind.name, current)
    if not kind.enough or answer.state in (*GOOD, *BAD):
        return answer
    enough = ask_unit(make_name(kind.name, kind.enough), current)
    return enough if enough.state in GOOD else answer


SIMPLE: Mapping[str, Question] = {
    "services": ask_services,
    "token": ask_token,
    "backup": ask_backup,
    "all": ask_all,
}


def join(answers: Iterable[Answer]) -> Answer:
    """Return the answer to several questions: what has failed, else what is still to come."""
    answers = list(answers)
    for states in (BAD, {State.RUNNING}, {State.WAITING}):
        for answer in answers:
            if answer.state in states:
                return answer
    return next((each for each in answers if each.state in GOOD), Answer(State.DONE))


def set_milestone(facts: Facts, name: str) -> None:
    """Note that somebody has reached what others wait for. Raises OSError."""
    folder = facts.runtime / MILESTONES
    folder.mkdir(0o700, exist_ok=True)
    os.close(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
