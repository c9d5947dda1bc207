"""Another uid in the container, and a hostile process of the same one, talk to every socket."""

import base64
import json
from collections.abc import Callable, Iterator

import pytest

from tests.faults.tally import Tally
from tests.floods.boxes import (
    OTHER_UID,
    OWN_UID,
    PYTHON,
    SCRIPTS,
    SECRETS,
    User,
    Workspace,
)
from tests.worlds.doors import list_doors

MANY = 1000
RUN = "/dev/shm/devcopilot-1000"


@pytest.fixture(scope="module")
def doors(workspace: Workspace) -> list[str]:
    """Every socket there is."""
    found = sorted(list_doors(workspace.box))
    assert f"unix {RUN}/broker.sock" in found
    assert len(found) == 9, found
    return [each.replace("0.0.0.0", "127.0.0.1") for each in found]


def ask(workspace: Workspace, door: str, uid: str) -> tuple[list[bytes], list[str]]:
    """Return what a stranger of this uid was answered, and why they could not connect."""
    text = workspace.box.execute(PYTHON, f"{SCRIPTS}/stranger.py", door, user=uid)
    told = json.loads(text)
    return [base64.b64decode(each) for each in told["answers"]], told["refusals"]


def find_failures(
    workspace: Workspace, doors: list[str], uid: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield each door and what a stranger got there that they should not have."""
    for door in doors:
        answers, refusals = ask(workspace, door, uid)
        told = [name for name, value in SECRETS.items()
                if any(value.encode() in answer for answer in answers)]  # fmt: skip
        wrong = [f"{door} told {name}" for name in told]
        if uid == OTHER_UID and door.startswith("unix") and refusals != ["PermissionError"]:
            wrong.append(f"{door} let another uid in: {refusals}")
        if uid == OTHER_UID and door.endswith((":8079", ":9100", ":9000")):
            shown = [each for each in answers if b" 200 " in each.partition(b"\r\n")[0]]
            wrong += [f"{door} answered {each[:200]!r}" for each in shown]
        yield door, wrong


@pytest.mark.parametrize("uid", [OTHER_UID, OWN_UID], ids=["another uid", "the same uid"])
def test_a_stranger_gets_nothing_and_harms_nothing(
    workspace: Workspace, doors: list[str], tally: Callable[[int], Tally], uid: str
) -> None:
    """Sense, nonsense, halves and far too much, at each door."""
    count, user = tally(10), User(workspace)
    user.try_all()
    before = workspace.wait_calm()
    for _ in count.tries():
        failures = [each for _, wrong in find_failures(workspace, doors, uid) for each in wrong]
        count.count("; ".join([*failures, *filter(None, [user.try_all()])]))
    workspace.wait_as_before(before)
    count.check()


@pytest.mark.parametrize("kind", ["silent", "garbage", "slow readers"])
def test_a_crowd_of_the_same_uid_at_each_door(
    workspace: Workspace, doors: list[str], tally: Callable[[int], Tally], kind: str
) -> None:
    """A thousand connections stay open; the user is served once they have gone, as before."""
    own = [each for each in doors if each.startswith("unix")]
    count, user = tally(len(own)), User(workspace)
    user.try_all()
    before = workspace.wait_calm()
    for number in count.tries():
        with workspace.crowded(kind, MANY, own[number % len(own)]):
            pass
        count.count(user.try_all())
    workspace.wait_as_before(before)
    count.check()
