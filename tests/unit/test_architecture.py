"""The floors hold: imports go down, never sideways; the long-lived processes stay small."""

import ast
import functools
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

FLOORS = (
    ("machine",),
    ("settings",),
    ("github", "backup", "services", "tools"),
    ("units", "workspace", "observe"),
    ("commands",),
)
"""The rooms, from the ground up. Imports go down, and never to another room of the same floor."""

TOP = ("__main__", "catalogue")
"""The only modules that are in no room: the command, and a view of all lists."""

APART = "init"
"""PID 1 and the log child, which live as long as the container."""
LIGHT = "machine.light"
"""What they may load besides: it costs next to nothing."""
SAMPLER = "observe.activity.job"
"""It starts twice a minute, and may load no more of `machine`."""

HEAVY = {
    "argparse", "asyncio", "concurrent", "dataclasses", "email", "github", "http",
    "importlib.metadata", "inspect", "logging", "multiprocessing", "pathlib", "psutil",
    "requests", "ssl", "structlog",
    "subprocess", "supervisor", "tempfile", "threading", "typing", "urllib", "yaml",
}  # fmt: skip
"""Each costs PID 1 memory or time, or brings threads."""


def find_modules() -> dict[str, Path]:
    """Return dotted name below `agent` -> file, without the packages' own __init__."""
    found = {}
    for path in (ROOT / "agent").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT / "agent").with_suffix("").parts)
        if name != "__init__":
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = find_modules()


@functools.cache
def find_imports(module: str) -> set[str]:
    """Return the modules of ours that one imports, wherever in its file it does."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "agent":
                inside = parts[1:]
                while inside and ".".join(inside) not in MODULES:
                    inside = inside[:-1]
                found.add(".".join(inside))
    return found - {""}


def find_room(module: str) -> str:
    """Return the room, or the name of a module that is in none."""
    return module.split(".", maxsplit=1)[0]


def find_floor(module: str) -> int:
    """Return the number of the floor that a module stands on; those in no room are on the roof."""
    room = find_room(module)
    if room in TOP:
        return len(FLOORS)
    (floor,) = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return floor


def is_light(module: str) -> bool:
    """Return whether a module is one of those, or their folder."""
    return f"{module}.".startswith(f"{LIGHT}.")


INSIDE = sorted(name for name in MODULES if find_room(name) != APART)


@pytest.mark.parametrize("module", INSIDE)
def test_imports_go_down(module: str) -> None:
    for used in find_imports(module):
        if find_room(used) == APART:
            assert module == "__main__", f"{module} imports {used}, which stands apart"
        elif find_room(used) != find_room(module):
            assert find_floor(used) < find_floor(module), f"{module} imports {used}"


BACKUP = ("targets", "restic", "create", "restore", "upkeep", "checks")
"""The rooms within backup/, from the ground up."""


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("backup.")))
def test_imports_within_the_backup_go_down(module: str) -> None:
    place, *rest = module.split(".")[1:]
    for used in find_imports(module):
        other = used.split(".")[1:2] if used.startswith("backup.") else []
        if rest and other and other[0] in BACKUP:
            assert BACKUP.index(other[0]) <= BACKUP.index(place), f"{module} imports {used}"


def test_nothing_that_works_imports_the_catalogue() -> None:
    assert not [name for name in MODULES if "catalogue" in find_imports(name)]


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(INSIDE)))
def test_long_lived_processes_import_hardly_anything_of_ours(module: str) -> None:
    others = {used for used in find_imports(module) if find_room(used) != APART}
    assert {name for name in others if not is_light(name)} == set()


@pytest.mark.parametrize("module", sorted(name for name in MODULES if is_light(name)))
def test_what_is_light_imports_only_what_is_light(module: str) -> None:
    assert {name for name in find_imports(module) if not is_light(name)} == set()


def test_light_is_only_what_they_load() -> None:
    found = {name for name in MODULES if find_room(name) == APART} | {SAMPLER}
    while used := {other for name in found for other in find_imports(name)} - found:
        found |= used
    assert {name for name in MODULES if is_light(name)} - {LIGHT} - found == set()


def test_no_module_imports_itself_in_a_circle() -> None:
    TopologicalSorter({name: find_imports(name) for name in MODULES}).prepare()


MEMBERS = ("commands", "settings", "checks", "metrics", "activity", "targets", "sources")
"""Folders of members, each named after what it is about: there is a setting of ssh, and a check."""
ROLES = {
    "all": "the list of a folder",
    "kind": "a kind of unit",
    "record": "what is kept of a host's token, of a target, of the reports",
    "status": "what a room contributes to the status",
    "surface": "something served over HTTP",
    "jobs": "those that init runs: declared in workspace, run in init",
    "refresh": "the job and its round over the hosts",
}
"""Names that may stand in several folders, since they mean the same in each."""


def test_a_name_stands_for_one_thing() -> None:
    found: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        *folders, name = module.split(".")
        if path.name not in ("__init__.py", "__main__.py") and not set(folders) & set(MEMBERS):
            found.setdefault(name, []).append(module)
    twice = {name: modules for name, modules in found.items() if len(modules) > 1}
    assert not {name: twice[name] for name in twice.keys() - ROLES}
    assert ROLES.keys() <= twice.keys(), "a role that only one folder has"


@pytest.mark.parametrize("package", ["init", "init.logger"])
def test_long_lived_processes_load_hardly_anything(package: str) -> None:
    """What was not imported at the start of the interpreter, and is heavy, is missing."""
    names = [f"agent.{name}" for name in MODULES if f"{name}.".startswith(f"{package}.")]
    script = (
        "import sys, json; before = set(sys.modules)\n"
        "import importlib._bootstrap\n"
        f"for name in {sorted(names)!r}:\n"
        "    if not name.endswith('__main__'): __import__(name)\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout))
    assert not loaded & HEAVY
    ours = {name for name in loaded if name.startswith("agent.")}
    others = {name for name in ours if not name.startswith(f"agent.{package}")}
    assert leave_light(others) <= {"agent.init"}


def leave_light(names: set[str]) -> set[str]:
    """Return what of the loaded modules is not light, nor a folder on the way to it."""
    return {name for name in names if not is_light(name.removeprefix("agent."))} - {"agent.machine"}


def test_the_sampler_loads_hardly_anything(tmp_path: Path) -> None:
    """A whole run of the job, as init starts it."""
    script = (
        "import sys\n"
        f"path = {str(ROOT / 'agent/observe/activity/job.py')!r}\n"
        "code = compile(open(path).read(), path, 'exec')\n"
        "try: exec(code, {'__name__': '__main__', '__file__': path})\n"
        "finally: print(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], env={"DEV8_RUNTIME_DIR": str(tmp_path)},
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert not loaded & (HEAVY - {"importlib.metadata"} | {"datetime", "socket"})
    ours = {name for name in loaded if name.startswith("agent.")}
    rooms = {name for name in ours if not name.startswith("agent.observe.activity.")}
    allowed = {
        "agent.observe", "agent.observe.activity", "agent.observe.metrics",
        "agent.observe.metrics.history",
    }  # fmt: skip
    assert leave_light(rooms) <= allowed
    assert "agent.observe.activity.answer" not in ours
    assert (tmp_path / "activity.json").exists()
    assert (tmp_path / "history.ring").exists()


def test_the_command_loads_only_init_for_pid_1() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from agent.__main__ import main\n"
        "try: main(['init', '--help'])\n"
        "finally: print(' '.join(name for name in sys.modules if name.startswith('agent.')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    loaded = done.stdout.splitlines()[-1].split()
    others = {name for name in loaded if not name.startswith("agent.init")}
    assert leave_light(others) == {"agent.__main__"}


READS_ITSELF = {
    "machine.light.files",
    "machine.programs.background",  # of the kernel
    "machine.light.proc",
    "init.preload",  # the boot file, in a folder that only the agent may enter
    "machine.light.boot_file",
    "init.children",  # what its own child reports
    "init.jobs",  # 200 bytes
    "init.processes",  # /proc
    "backup.restore.archive_extraction",  # what is no file to read as a whole
    "machine.programs.user_commands",
    "machine.storage.sqlite",
    "backup.upkeep.trial_restore",
}
"""The modules that may open a file in their own way."""


def find_reads(path: Path) -> set[str]:
    """Return the calls in a file that read another one to its end, whatever it is."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in ("read_text", "read_bytes"):
            found.add(f"{ast.unparse(node)}")
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("open", "json.load"):
            found.add(ast.unparse(node))
    return found


@pytest.mark.parametrize("module", sorted(set(MODULES) - READS_ITSELF))
def test_files_are_read_in_one_way(module: str) -> None:
    allowed = {
        "(extension / name).read_bytes",  # a part of the agent
        "(folder / 'comm').read_text",  # of /proc
    }
    assert find_reads(MODULES[module]) - allowed == set()


SPLITS_FOR_PEOPLE = {
    "backup.restic.client", "backup.upkeep.verification", "machine.programs.user_commands",
}  # fmt: skip
"""The modules that take a line out of what a program said, to show it."""


@pytest.mark.parametrize("module", sorted(set(MODULES) - SPLITS_FOR_PEOPLE))
def test_no_text_is_split_by_pythons_own_rule(module: str) -> None:
    """`agent.machine.formats.lines` says why."""
    found = {
        ast.unparse(node.value)
        for node in ast.walk(ast.parse(MODULES[module].read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "splitlines"
    }
    assert found == set()


def test_files_are_short_enough_to_read() -> None:
    sizes = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
