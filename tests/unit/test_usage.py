"""What the workspace uses, on this machine."""

from pathlib import Path

from agent.observe.usage import find_usage
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts


def test_disks_that_are_there_have_a_size(tmp_path: Path) -> None:
    facts = make_facts(tmp_path, TMPDIR=str(tmp_path / "missing"))
    settings = Settings.from_environ({"WORKSPACE_DIR": str(tmp_path)})
    usage = find_usage(Context({}, settings, facts))
    assert usage.disks.keys() == {"workspace", "home", "runtime"}
    assert all(0 < disk.used_bytes <= disk.size_bytes for disk in usage.disks.values())
