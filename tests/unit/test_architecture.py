"""The floors hold: imports go down, never sideways; the long-lived processes stay small."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

GROUND = (
    "addresses", "argon2", "background", "backup_group", "bodies", "commands", "compatibility",
    "credentials", "errors", "escaping", "exits", "faults", "files", "gitconfig", "groups",
    "helpers", "jsonc", "lines", "log", "login_trial", "masking", "moments", "parsing",
    "password_command", "patterns", "places", "preload", "procfs", "runtime", "secret",
    "secret_forms", "settings", "spellings", "steering", "system", "texts", "urls", "variable",
    "volumes",
)  # fmt: skip
VALUES = (
    "actions", "api", "editor_login", "follow", "homes", "host_keys", "hosts", "keeping", "keys",
    "launchers", "logins", "owners", "plan", "published", "reasons", "reference", "roster", "runs",
    "sources", "store", "structured", "target", "tools", "trust", "values",
)  # fmt: skip
PARTS = (
    "steps", "services", "tokens", "targets", "supervisord", "probes", "installer", "restic",
)  # fmt: skip
FLOORS = (GROUND, VALUES, PARTS, ("renewal", "backup"), ("catalogue",), ("verbs",), ("__main__",))
"""From the ground up: modules, or folders as a whole, directly below `agent`."""

APART = ("init", "logger")
"""The processes that live as long as the container."""
SHARED_WITH_APART = {
    "escaping",
    "exits",
    "faults",
    "files",
    "log",
    "login_trial",
    "masking",
    "moments",
    "runtime",
    "secret_forms",
}

SHARED_IN_FOLDER = {
    "services": {"sessions"},
    "verbs": {
        "backup.care", "backup.outcome", "backup.progress", "backup.restoring", "backup.ticking",
        "backup.unpacking", "backup.work", "context", "configure", "news", "renewals", "standing",
    },
    "renewal": {"check", "fetch", "shelf"},
    "backup": {
        "clearing", "comparison", "content", "creation", "databases", "folders", "hooks",
        "identity", "lacking", "lock", "locks", "making", "notices", "placing", "preparation",
        "reading", "record", "repositories", "schedule", "selection", "session", "shrinking",
        "sqlite", "survey", "trial", "undo",
    },
}  # fmt: skip
"""What other files of the same folder may import; everywhere else: nothing."""

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


def find_imports(path: Path) -> set[str]:
    """Return the modules of ours that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "agent":
                inside = parts[1:]
                while inside and ".".join(inside) not in MODULES:
                    inside = inside[:-1]
                found.add(".".join(inside))
    return found - {""}


IMPORTS = {name: find_imports(path) for name, path in MODULES.items()}


def top_of(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def find_floor(module: str) -> int:
    """Return the number of the floor that a module stands on."""
    (floor,) = [number for number, names in enumerate(FLOORS) if top_of(module) in names]
    return floor


def is_apart(module: str) -> bool:
    return top_of(module) in APART


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_has_a_place(module: str) -> None:
    if not is_apart(module):
        find_floor(module)


@pytest.mark.parametrize("module", sorted(name for name in MODULES if not is_apart(name)))
def test_imports_go_down(module: str) -> None:
    allowed = {"__main__": {"init"}}.get(module, set())
    for used in IMPORTS[module] - allowed:
        assert not is_apart(used), f"{module} imports {used}, which stands apart"
        assert find_floor(used) <= find_floor(module), f"{module} imports {used}, which is above"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if not is_apart(name)))
def test_imports_never_go_sideways(module: str) -> None:
    folder = top_of(module)
    for used in IMPORTS[module]:
        if is_apart(used) or find_floor(used) != find_floor(module) or find_floor(module) < 2:
            continue
        shared = SHARED_IN_FOLDER.get(folder, set())
        inside = used.removeprefix(f"{folder}.")
        assert used.startswith(f"{folder}.") and inside in shared, f"{module} imports {used}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if is_apart(name)))
def test_long_lived_processes_import_hardly_anything_of_ours(module: str) -> None:
    folder = top_of(module)
    others = {used for used in IMPORTS[module] if top_of(used) != folder}
    assert others <= SHARED_WITH_APART


def test_no_module_imports_itself_in_a_circle() -> None:
    TopologicalSorter(IMPORTS).prepare()


@pytest.mark.parametrize("package", APART)
def test_long_lived_processes_load_hardly_anything(package: str) -> None:
    """What was not imported at the start of the interpreter, and is heavy, is missing."""
    names = [f"agent.{name}" for name in MODULES if top_of(name) == package]
    script = (
        "import sys, json; before = set(sys.modules)\n"
        "import importlib._bootstrap\n"
        f"for name in {sorted(names)!r}:\n"
        "    if not name.endswith('__main__'): __import__(name)\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout))
    assert not loaded & HEAVY
    ours = {name for name in loaded if name.startswith("agent.")}
    allowed = {f"agent.{name}" for name in SHARED_WITH_APART}
    assert {name for name in ours if not name.startswith(f"agent.{package}")} <= allowed


def test_the_command_loads_only_init_for_pid_1() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from agent.__main__ import main\n"
        "try: main(['init', '--help'])\n"
        "finally: print(' '.join(name for name in sys.modules if name.startswith('agent.')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    loaded = done.stdout.splitlines()[-1].split()
    tops = {name.split(".")[1] for name in loaded}
    assert tops <= {"__main__", "init", *SHARED_WITH_APART}


READS_ITSELF = {
    "files",
    "background",  # of the kernel
    "procfs",
    "preload",  # the boot file, in a folder that only the agent may enter
    "init.boot",
    "init.children",  # what its own child reports
    "init.jobs",  # 64 bytes
    "init.processes",  # /proc
    "backup.archive",  # what is no file to read as a whole
    "backup.hooks",
    "backup.sqlite",
    "backup.trial",
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
        "Path('/proc/uptime').read_text",
        "(EXTENSION / 'package.json').read_bytes",  # a part of the agent
        "(folder / 'comm').read_text",  # of /proc
    }
    assert find_reads(MODULES[module]) - allowed == set()


SPLITS_FOR_PEOPLE = {"restic", "installer", "backup.hooks", "backup.verification"}
"""The modules that take a line out of what a program said, to show it."""


@pytest.mark.parametrize("module", sorted(set(MODULES) - SPLITS_FOR_PEOPLE))
def test_no_text_is_split_by_pythons_own_rule(module: str) -> None:
    """`agent.lines` says why; that of bytes knows LF and CR alone."""
    allowed = {"read_file(path, STATE)"} if module == "masking" else set()
    found = {
        ast.unparse(node.value)
        for node in ast.walk(ast.parse(MODULES[module].read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "splitlines"
    }
    assert found - allowed == set()


def test_files_are_short_enough_to_read() -> None:
    sizes = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
