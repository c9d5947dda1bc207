"""Ours passes every case as PID 1 of a namespace; `make conformance` tries it everywhere."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.pid1.boxes import Namespace
from tests.pid1.conformance.cases import CASES, Case
from tests.pid1.conformance.inits import OURS
from tests.pid1.conformance.places import (
    PIDNS_USER,
    NotApplicableError,
    World,
    open_world,
)


@pytest.fixture
def world(namespace: Namespace) -> Iterator[World]:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    world = open_world(OURS, PIDNS_USER)
    yield world
    world.close()
    shutil.rmtree(world.folder)


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for case in CASES if not case.slow]
)
def test_ours(world: World, case: Case) -> None:
    try:
        case.check(world)
    except NotApplicableError as reason:
        pytest.skip(str(reason))
