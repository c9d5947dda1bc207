"""Floods of connections: a real user gets in meanwhile, and afterwards everything is as before."""

from collections.abc import Callable

import pytest

from tests.faults.tally import Tally
from tests.floods.boxes import PORTS, User, Workspace, print_latencies
from tests.floods.caller import HALF_OPEN

FLOODS = {HALF_OPEN: 2000, "silent": 2000, "slow writers": 200, "slow readers": 200}
"""Kind -> connections at once."""
QUIET_ROUNDS = 5
MEMORY_ALLOWED = 1024
"""kB that init may use more during a flood."""


@pytest.mark.parametrize("door", PORTS)
@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_keeps_nobody_out(
    workspace: Workspace, tally: Callable[[int], Tally], kind: str, door: str
) -> None:
    """From one address, as a stranger has it: the user comes from another one."""
    if (kind, door) == (HALF_OPEN, "page"):
        pytest.skip("nobody outside reaches the page: its handshakes end")
    count = tally(20)
    users = {moment: User(workspace) for moment in ("before", "during", "after")}
    users["before"].try_all()  # the first time is another
    workspace.wait_calm()
    users["before"].took.clear()
    for _ in range(QUIET_ROUNDS):
        assert not (failure := users["before"].try_all()), failure
    before = workspace.wait_calm()
    host = "127.0.0.1" if door == "page" else workspace.address
    with workspace.besieged(kind, FLOODS[kind], f"tcp {host}:{PORTS[door]}"):
        for _ in count.tries():
            count.count(users["during"].try_all())
        during = workspace.look()
    for _ in range(QUIET_ROUNDS):
        assert not (failure := users["after"].try_all()), failure
    after = workspace.wait_as_before(before)
    print_latencies(f"{FLOODS[kind]} {kind} at {door}", users)
    for name, then in (("before", before), ("during", during), ("after", after)):
        print(
            f"{name:8} init: {then.pss['init']} kB, {then.descriptors['init']} descriptors;",
            f"in all {then.processes} processes, {sum(then.descriptors.values())} descriptors",
        )
    count.check()
    assert during.own["init"] <= before.own["init"] + MEMORY_ALLOWED
