"""That the kernel killed something for want of memory is reported once for each time."""

import json
import os
from pathlib import Path

from agent.init.oom_kills import Memory
from agent.machine.light.cgroup import Cgroup
from agent.machine.light.log import Logger


def test_each_kill_is_reported_once(tmp_path: Path) -> None:
    events, limit = tmp_path / "memory.events", tmp_path / "memory.max"
    events.write_text("oom 1\noom_kill 1\n")
    limit.write_text("536870912\n")
    reader, writer = os.pipe()
    memory = Memory(Logger("init", "info", writer), Cgroup(str(tmp_path), "/dev/null"))
    memory.look(service="before")
    events.write_text("oom 2\noom_kill 3\n")
    memory.look(service="code-server")
    memory.look()
    events.unlink()
    memory.look()
    os.close(writer)
    with os.fdopen(reader) as file:
        told = [json.loads(line) for line in file]
    assert [(each["level"], each["service"], each["kills"]) for each in told] == [
        ("error", "code-server", 3)
    ]
    assert "at the memory limit of 512 MB" in told[0]["message"]
