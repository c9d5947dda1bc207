"""What a container uses and may use, from the files of both versions of cgroups."""

from pathlib import Path

import pytest

from agent.machine.light.cgroup import Cgroup
from agent.machine.light.disks import read_use

V2 = {
    "memory.current": "1000000\n", "memory.max": "4000000\n",
    "memory.stat": "anon 5\ninactive_file 400000\nactive_file 7\n",
    "memory.events": "low 0\noom 3\noom_kill 2\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "cpu.max": "150000 100000\n",
    "pids.current": "12\n", "pids.max": "100\n",
}  # fmt: skip
V1 = {
    "memory/memory.usage_in_bytes": "1000000\n",
    "memory/memory.limit_in_bytes": "5000000\n",
    "memory/memory.stat": "total_inactive_file 400000\nhierarchical_memory_limit 4000000\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "cpuacct/cpuacct.usage": "2500000000\n",
    "cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n",
    "pids/pids.current": "12\n", "pids/pids.max": "100\n",
}  # fmt: skip
ALL = (1000000, 600000, 4000000, 2, 2.5, 1.5, 12, 100)


def read(root: Path, membership: str = "0::/\n") -> tuple[float | None, ...]:
    (root / "membership").write_text(membership)
    cgroup = Cgroup(str(root), str(root / "membership"))
    return (
        cgroup.memory(), cgroup.working_set(), cgroup.memory_limit(),
        cgroup.out_of_memory_kills(), cgroup.processor_seconds(), cgroup.processors(),
        cgroup.processes(), cgroup.process_limit(),
    )  # fmt: skip


def fill(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize("files", [V2, V1], ids=["version 2", "version 1"])
def test_both_versions_tell_the_same(tmp_path: Path, files: dict[str, str]) -> None:
    fill(tmp_path, files)
    assert read(tmp_path) == ALL


@pytest.mark.parametrize(
    ("files", "prefix", "membership"),
    [
        (V2, "docker/c1/", "0::/docker/c1\n"),
        (V1, "", "9:memory:/docker/c1\n8:cpu,cpuacct:/docker/c1\n"),  # docker mounts its own alone
    ],
)
def test_a_container_that_sees_the_whole_tree_or_only_its_own(
    tmp_path: Path, files: dict[str, str], prefix: str, membership: str
) -> None:
    fill(tmp_path, {f"{prefix}{name}": text for name, text in files.items()})
    assert read(tmp_path, membership) == ALL


def test_the_whole_tree_of_version_1(tmp_path: Path) -> None:
    files = {name.replace("/", "/docker/c1/"): text for name, text in V1.items()}
    root = dict.fromkeys(V1, "99\n")
    fill(tmp_path, {**root, **files})
    members = "".join(f"{n}:{name}:/docker/c1\n" for n, name in
                      enumerate(("memory", "cpu,cpuacct", "pids")))  # fmt: skip
    assert read(tmp_path, members) == ALL


@pytest.mark.parametrize(
    "changes",
    [
        {"memory.max": "max\n", "cpu.max": "max 100000\n", "pids.max": "max\n"},
        {"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/memory.stat":
         "total_inactive_file 400000\nhierarchical_memory_limit 9223372036854771712\n",
         "cpu/cpu.cfs_quota_us": "-1\n", "pids/pids.max": "max\n"},
    ],
)  # fmt: skip
def test_no_limit_is_no_number(tmp_path: Path, changes: dict[str, str]) -> None:
    fill(tmp_path, {**(V1 if "pids/pids.max" in changes else V2), **changes})
    found = read(tmp_path)
    assert (found[2], found[5], found[7]) == (None, None, None)
    assert found[:2] == ALL[:2]


GARBAGE = [
    "",
    "\n",
    "x",
    "-5",
    "1.5",
    "9" * 5000,
    "١٢\n",
    "\xff\xfe",
    "1 2 3 4",
    "nan nan",
    "inf 0",
]


@pytest.mark.parametrize("text", GARBAGE)
def test_what_no_kernel_writes_is_unknown(tmp_path: Path, text: str) -> None:
    fill(tmp_path, {**dict.fromkeys(V2, text), **dict.fromkeys(V1, text)})
    assert read(tmp_path, f"0::{text}\n{text}\n:::\n1:memory:/../../..\n") == (None,) * 8


def test_no_cgroup_at_all(tmp_path: Path) -> None:
    assert read(tmp_path) == (None,) * 8


def test_a_disk_is_as_full_as_its_users_find_it(tmp_path: Path) -> None:
    used, size = read_use(tmp_path) or (0, 0)
    assert 0 < used <= size
    assert read_use(tmp_path / "missing") is None
    assert read_use("/proc") is None
