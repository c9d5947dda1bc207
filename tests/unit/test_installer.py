"""The installer: what is due, what it refuses, and that nothing half done is linked.

npm is a script here that fills the folder or fails; tests/e2e/test_install_at_start.py has the real
one, and a real registry.
"""

import json
import time
from pathlib import Path

import pytest

from agent import catalogue
from agent.machine import runtime
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools import codex, engines, installer
from agent.tools.tool import (
    FAILURES,
    RUNNING,
    AiTool,
    Failure,
    Login,
    Row,
    describe,
    find_wanted,
)
from agent.workspace.jobs import find_jobs
from tests.machine import make_facts
from tests.waiting import wait_until

TOOL = AiTool(
    "claude",
    "Claude Code",
    (Login("ANTHROPIC_API_KEY", lambda settings: settings.ai.anthropic_key),),
    lambda *_: (),
)
LOCK = '{"lockfileVersion": 3}\n'
GOOD = """
mkdir -p node_modules/.bin .cache
printf '#!/bin/sh\\necho "$0" "$HOME"\\n' >node_modules/.bin/claude
chmod +x node_modules/.bin/claude
"""
BROKEN = "mkdir -p node_modules/.bin; printf '#!/bin/sh\\necho no part >&2; exit 1\\n' "
BROKEN += ">node_modules/.bin/claude; chmod +x node_modules/.bin/claude"


class Place:
    """A home, a PATH, a folder of locks, and an npm that does what a test wants."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.programs = root / "programs"
        self.programs.mkdir()
        path = f"{self.programs}:{root}/home/.local/bin:/usr/bin:/bin"
        self.facts = make_facts(root, PATH=path)
        self.link = self.facts.home / ".local/bin/claude"
        self.versions = self.facts.home / ".local/share/devcopilot/tools/claude"
        self.sizes: list[int] = []
        self.lock(LOCK)

    @property
    def installer(self) -> installer.Installer:
        return installer.Installer(
            self.facts, locks=self.root / "locks", progress=self.sizes.append
        )

    def lock(self, text: str) -> None:
        folder = self.root / "locks/claude"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"dependencies": {"@x/claude": "1.0.0"}}')
        (folder / "package-lock.json").write_text(text)

    def program(self, name: str, script: str) -> Path:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def npm(self, script: str) -> None:
        self.program("npm", script)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def list_versions(place: Place) -> list[str]:
    return [path.name for path in place.versions.iterdir()] if place.versions.is_dir() else []


def test_a_missing_tool_is_due_and_then_linked(place: Place) -> None:
    place.npm(GOOD)
    assert place.installer.is_due(TOOL)
    assert place.installer.install(TOOL) is None
    assert not place.installer.is_due(TOOL)
    assert place.facts.which("claude") == place.link
    assert not place.link.readlink().is_absolute(), "the home may be mounted elsewhere"
    (version,) = list_versions(place)
    assert sorted(path.name for path in (place.versions / version).iterdir()) == [
        "node_modules", "package-lock.json", "package.json",
    ]  # fmt: skip


def test_the_program_of_a_platforms_package_is_preferred(place: Place) -> None:
    place.npm(GOOD + "mkdir -p node_modules/@x/claude-linux\n"
              "cp node_modules/.bin/claude node_modules/@x/claude-linux/claude")  # fmt: skip
    assert place.installer.install(TOOL) is None
    assert place.link.resolve().parent.name == "claude-linux"


def test_a_new_lock_file_makes_it_due_and_the_old_version_goes_later(place: Place) -> None:
    place.npm(GOOD)
    place.installer.install(TOOL)
    place.lock(LOCK + "\n")
    assert place.installer.is_due(TOOL)
    assert place.installer.install(TOOL) is None
    assert len(list_versions(place)) == 2, "a session may still run the old one"
    place.installer.clean(TOOL)
    assert len(list_versions(place)) == 1
    assert place.facts.which("claude")


def test_a_program_of_somebody_else_is_never_due(place: Place) -> None:
    place.program("claude", "echo mine")
    assert not place.installer.is_due(TOOL)


def test_an_image_that_has_it_by_now_is_not_hidden_by_an_older_one(place: Place) -> None:
    place.facts = make_facts(place.root, PATH=f"{place.link.parent}:{place.programs}:/usr/bin:/bin")
    place.npm(GOOD)
    place.installer.install(TOOL)
    place.installer.clean(TOOL)
    assert place.link.exists()
    own = place.program("claude", "echo mine")
    place.installer.clean(TOOL)
    assert place.facts.which("claude") == own
    assert not place.installer.is_due(TOOL)


def make_lock(node: str | None, *platforms: str) -> str:
    main = {"version": "1.0.0", **({"engines": {"node": node}} if node else {})}
    others = {f"node_modules/{name}": {"cpu": ["x64"]} for name in platforms}
    top = {"dependencies": {"@x/claude": "1.0.0"}}
    return json.dumps({"packages": {"": top, "node_modules/@x/claude": main, **others}})


def test_a_tool_that_needs_a_newer_node_is_skipped_and_not_fetched(
    place: Place, settings: Settings
) -> None:
    place.npm("exit 1")
    place.program("node", "echo v20.20.2")
    place.lock(make_lock(">=22"))
    failure = place.installer.install(TOOL)
    assert failure
    assert "needs Node >=22" in failure.message
    assert "20.20.2" in failure.message
    assert "NODE_MAJOR=22" in failure.hint
    assert not place.versions.exists()
    place.facts.state.mkdir(parents=True)
    FAILURES.write(place.facts, {"claude": failure})
    (row,) = describe((TOOL,), settings, place.facts)
    assert row.state == "skipped"
    assert row.problem
    assert "Node" in row.problem


@pytest.mark.parametrize(
    "lock",
    [
        make_lock(">=20"),
        make_lock("^18 || ^20 || >= 21"),
        make_lock(None),
        make_lock("whatever"),
        make_lock(">=22", "@x/claude-linux-x64"),
    ],
    ids=["enough", "one-of", "none", "unknown", "native"],
)
def test_a_tool_that_runs_here_is_fetched(place: Place, lock: str) -> None:
    place.npm(GOOD)
    place.program("node", "echo v20.20.2")
    place.lock(lock)
    assert place.installer.install(TOOL) is None


@pytest.mark.parametrize(
    ("version", "wanted", "enough"),
    [
        ((20, 20, 2), ">=20", True),
        ((20, 20, 2), ">=20.21.0", False),
        ((22, 0, 0), "^20", False),
        ((20, 1, 0), "^18 || ^20", True),
        ((18, 1, 0), ">=20 || ^16", False),
    ],
)
def test_conditions_of_versions(version: engines.Version, wanted: str, *, enough: bool) -> None:
    assert engines.is_enough(version, wanted) == enough


def test_what_the_real_tools_need_of_node() -> None:
    """Most have a native program for each platform, and run without any Node."""
    locks = Path(__file__).parent.parent.parent / "docker/mvp/ai"
    found = {
        tool.name: engines.find_wanted((locks / tool.name / "package-lock.json").read_bytes())
        for tool in catalogue.TOOLS
    }
    assert found == {"claude": None, "codex": None, "copilot": None, "gemini": ">=20"}


def test_a_file_of_the_user_in_place_of_the_link_is_left_alone(place: Place) -> None:
    place.npm(GOOD)
    place.link.parent.mkdir(parents=True)
    place.link.write_text("not executable")
    failure = place.installer.install(TOOL)
    assert failure is not None
    assert failure.code == "FOREIGN"
    assert place.link.read_text() == "not executable"


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ('echo \'{"error":{"code":"ENOTFOUND","summary":"request to https://me:pw@host failed"}}\''
         "; exit 1", "ENOTFOUND", "npm: request to https://***@host failed"),
        ("exit 7", "7", "npm ended with 7"),
        ("exit 0", "TRIAL", "it does not start: No such file or directory"),
        (BROKEN, "TRIAL", "it does not start: no part"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_and_leaves_nothing(
    place: Place, script: str, code: str, words: str
) -> None:
    place.npm(script)
    failure = place.installer.install(TOOL)
    assert failure is not None
    assert (failure.code, failure.message) == (code, f"cannot install Claude Code: {words}")
    assert list_versions(place) == []
    assert not place.link.is_symlink()


def test_without_npm_or_lock_file_it_says_what_is_lacking(place: Place) -> None:
    failure = place.installer.install(AiTool("other", "Other", (), lambda *_: ()))
    assert failure is not None
    assert failure.level == "info"
    assert "cannot install Other: " in failure.message


def test_the_time_is_limited(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "TIME_LIMIT", 0.3)
    monkeypatch.setattr(installer, "PULSE", 0.05)
    place.npm("echo 12345 >part; exec tail -f /dev/null")
    start = time.monotonic()
    failure = place.installer.install(TOOL)
    assert time.monotonic() - start < 5
    assert failure is not None
    assert failure.code == "TIMEOUT"
    assert place.sizes[-1] > 6, "progress tells how much there is"
    assert list_versions(place) == []


def test_nothing_of_what_npm_started_is_left(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installer, "TIME_LIMIT", 0.5)
    monkeypatch.setattr(installer, "PULSE", 0.05)
    note = tmp_path / "pid"
    place.npm(f"tail -f /dev/null & echo $! >{note}; wait")
    failure = place.installer.install(TOOL)
    assert failure is not None
    assert failure.code == "TIMEOUT"
    wait_until(lambda: not Path(f"/proc/{note.read_text().strip()}").exists(), "its end")


def test_a_version_that_was_never_linked_is_used(place: Place) -> None:
    """As after a kill between the renaming of the folder and the link."""
    place.npm(GOOD)
    place.installer.install(TOOL)
    place.link.unlink()
    place.npm("exit 1")
    (place.versions / "new").mkdir()
    place.installer.clean(TOOL)
    assert place.installer.install(TOOL) is None
    assert place.facts.which("claude")
    assert len(list_versions(place)) == 1


def test_links_that_are_not_on_the_path_are_told(place: Place) -> None:
    place.npm(GOOD)
    facts = make_facts(place.root, PATH=f"{place.programs}:/usr/bin:/bin")
    failure = installer.Installer(facts, locks=place.root / "locks").install(TOOL)
    assert failure is not None
    assert failure.code == "PATH"


# --- what is wanted, and what is known of it ------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({}, []),
        ({"OPENAI_API_KEY_FILE": "/x"}, ["codex"]),
        ({"OPENAI_API_KEY": "x", "DEV8_AI_TOOLS": "off"}, []),
        ({"OPENAI_API_KEY": "x", "DEV8_AI_TOOLS": "gemini"}, ["gemini"]),
        ({"OPENAI_API_KEY": "x", "DEV8_AI_TOOLS": "auto,gemini"}, ["codex", "gemini"]),
    ],
)
def test_wanted_is_what_has_a_key_or_is_named(
    words: dict[str, str], names: list[str], tmp_path: Path
) -> None:
    settings = Settings.from_environ(words)
    found = [tool.name for tool in find_wanted(catalogue.TOOLS, settings)]
    assert found == names
    jobs = {job.name for job in find_jobs(Context({}, settings, make_facts(tmp_path)))}
    assert ("tools" in jobs) == bool(names)


def test_every_tool_may_be_named_and_has_a_lock_file() -> None:
    root = Path(__file__).parent.parent.parent
    for tool in catalogue.TOOLS:
        settings = Settings.from_environ({"DEV8_AI_TOOLS": tool.name})
        assert find_wanted(catalogue.TOOLS, settings) == (tool,)
        lock = json.loads((root / "docker/mvp/ai" / tool.name / "package-lock.json").read_bytes())
        entries = [entry for name, entry in lock["packages"].items() if name]
        assert all("integrity" in entry and "resolved" not in entry for entry in entries)


@pytest.fixture
def settings() -> Settings:
    return Settings.from_environ({"ANTHROPIC_API_KEY": "x"})


def test_rows_tell_how_a_tool_stands(place: Place, settings: Settings) -> None:
    def row() -> Row:
        (found,) = describe((TOOL,), settings, place.facts)
        return found

    assert row() == Row("claude", "missing")
    place.facts.state.mkdir(parents=True)
    failure = Failure("X", "cannot install it", "mend it")
    (place.facts.state / "tools.json").write_bytes(FAILURES.encode({"claude": failure}))
    assert row() == Row("claude", "failed", problem="cannot install it (mend it)")
    (place.facts.state / "tools.json").unlink()
    place.npm(GOOD)
    place.installer.install(TOOL)
    assert row() == Row("claude", "installed", str(place.link), "agent", "@x/claude 1.0.0")
    own = place.program("claude", "echo mine")
    assert row() == Row("claude", "installed", str(own), "other")


def test_rows_while_tools_are_installed_are_of_the_wanted_ones(
    place: Place, settings: Settings
) -> None:
    other = AiTool("codex", "Codex", (codex.KEY,), lambda *_: ())
    running = place.facts.runtime / RUNNING
    running.parent.mkdir(parents=True, exist_ok=True)
    with runtime.hold_lock(running):
        for name, state in (("", "waiting"), ("claude", "installing")):
            running.write_text(name)
            rows = list(describe((TOOL, other), settings, place.facts))
            assert rows == [Row("claude", state)]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"claude": {"nonsense": 1}}'])
def test_a_damaged_file_of_failures_tells_nothing(place: Place, content: bytes) -> None:
    place.facts.state.mkdir(parents=True)
    (place.facts.state / "tools.json").write_bytes(content)
    assert FAILURES.read(place.facts) == {}
