import pytest

from agent.commands.rerun import find_order
from agent.machine.errors import UsageError
from agent.machine.records.unit_record import Record, State
from agent.units.all import KINDS


def test_each_unit_that_is_there_is_named_once() -> None:
    kinds = [kind for kind in KINDS if kind.name in ("clone", "hooks")]
    names = ("hooks", "hooks:onCreate", "clone")
    units = [Record(name, State.DONE, "2026-12-01T10:00:00Z") for name in names]
    with pytest.raises(UsageError, match="there is no unit nonsense") as refusal:
        find_order(["nonsense"], kinds, units, {})
    listed = refusal.value.problems[0].hint.removeprefix("there are: ").split(", ")
    assert sorted(listed) == ["clone", "hooks", "hooks:onCreate"]
