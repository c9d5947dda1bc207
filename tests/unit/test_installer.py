"""The kind `tools`: what is due, what it refuses, and that nothing half done is linked.

npm is a script here that fills the folder or fails; tests/e2e/test_install_at_start.py has the real
one, and a real registry.
"""

import errno
import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent import catalogue
from agent.machine.records import unit_record
from agent.machine.records.unit_log import find_path
from agent.machine.records.unit_record import Record, State
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.tools import NAMES
from agent.tools import codex
from agent.tools.rows import Row, describe
from agent.tools.tool import UNIT, AiTool, Login, find_wanted
from agent.units.setup import hold
from agent.units.tools import engines, installer, kind
from agent.units.tools.installer import LackError, ToolError
from agent.units.unit import StoppedError, Work
from tests.worlds.machine import make_facts
from tests.worlds.waiting import wait_until

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


class Silent:
    """A speaker whom nobody hears."""

    def begin(self, unit: Record) -> None: ...
    def line(self, unit: Record, text: str) -> None: ...
    def passing(self, unit: Record, text: str) -> None: ...
    def end(self, unit: Record, last: Sequence[str]) -> None: ...


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
        self.settings = Settings.from_environ({"ANTHROPIC_API_KEY": "x"})
        self.stopping = threading.Event()
        self.lock(LOCK)

    @property
    def work(self) -> Work:
        context = Context({}, self.settings, self.facts)
        return Work(context, kind.KIND, Silent(), self.stopping, again=True)

    @property
    def installer(self) -> installer.Installer:
        unit = self.work.part("claude")
        unit.begin()
        return installer.Installer(self.facts, unit)

    def fail(self, tool: AiTool = TOOL) -> ToolError:
        """Return why a tool cannot be installed."""
        with pytest.raises(ToolError) as caught:
            self.installer.install(tool)
        return caught.value

    def carry_out(self, tool: AiTool = TOOL) -> Record:
        """Carry its unit out and return how it stands."""
        kind.install(self.work, [tool])
        found = unit_record.read(self.facts, f"tools:{tool.name}")
        assert found
        return found

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
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(installer, "LOCKS", tmp_path / "locks")
    return Place(tmp_path)


def list_versions(place: Place) -> list[str]:
    return [path.name for path in place.versions.iterdir()] if place.versions.is_dir() else []


def test_a_missing_tool_is_due_and_then_linked(place: Place) -> None:
    place.npm(GOOD)
    assert place.installer.is_due(TOOL)
    place.installer.install(TOOL)
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
    place.installer.install(TOOL)
    assert place.link.resolve().parent.name == "claude-linux"


def test_a_new_lock_file_makes_it_due_and_the_old_version_goes_later(place: Place) -> None:
    place.npm(GOOD)
    place.installer.install(TOOL)
    place.lock(LOCK + "\n")
    assert place.installer.is_due(TOOL)
    place.installer.install(TOOL)
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
    place: Place,
) -> None:
    place.npm("exit 1")
    place.program("node", "echo v20.20.2")
    place.lock(make_lock(">=22"))
    failure = place.fail()
    assert isinstance(failure, LackError)
    assert "needs Node >=22" in str(failure)
    assert "20.20.2" in str(failure)
    assert "NODE_MAJOR=22" in failure.hint
    assert not place.versions.exists()
    assert place.carry_out().state is State.SKIPPED
    (row,) = describe((TOOL,), place.settings, place.facts)
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
    place.installer.install(TOOL)


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
    assert "the agent did not create it" in str(place.fail())
    assert place.link.read_text() == "not executable"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('echo \'{"error":{"code":"ENOTFOUND","summary":"request to https://me:pw@host failed"}}\''
         "; exit 1", "npm: request to https://***@host failed"),
        ("exit 7", "npm ended with 7"),
        ("exit 0", "it does not start: No such file or directory"),
        (BROKEN, "it does not start: no part"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_and_leaves_nothing(place: Place, script: str, words: str) -> None:
    place.npm(script)
    unit = place.carry_out()
    assert (unit.state, unit.reason) == (State.FAILED, words)
    assert unit.hint == "devcopilot rerun tools:claude"
    assert list_versions(place) == []
    assert not place.link.is_symlink()


def test_one_that_only_a_person_asks_for_fails_with_the_persons_command(place: Place) -> None:
    place.settings = Settings.from_environ({"GEMINI_API_KEY": "x"})
    place.npm("exit 7")
    assert place.carry_out().hint == "devcopilot tools claude"
    parts = [part for part in ("claude", "gemini") if kind.KIND.asks_for(place.settings, part)]
    assert parts == ["gemini"]


def test_without_npm_or_lock_file_it_says_what_is_lacking(place: Place) -> None:
    other = AiTool("other", "Other", (), lambda *_: ())
    place.facts = make_facts(place.root, PATH=str(place.programs))
    unit = place.carry_out(other)
    assert (unit.state, unit.reason) == (State.SKIPPED, "npm is not installed")
    place.npm(GOOD)
    assert place.carry_out(other).reason == "this image has no lock file for it"


def test_the_time_is_limited(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[str] = []
    monkeypatch.setattr(installer, "TIME_LIMIT", 3.0)
    monkeypatch.setattr(installer, "PULSE", 0.05)
    monkeypatch.setattr("agent.units.unit.Unit.progress", lambda *given: sizes.append(given[-1]))
    place.npm("dd if=/dev/zero of=part bs=1M count=3 2>/dev/null; exec tail -f /dev/null")
    unit = place.carry_out()
    assert unit.state is State.TIMEOUT
    assert sizes[-1] == "3 MB", "progress is how much there is"
    assert list_versions(place) == []


def test_the_stop_of_the_container_ends_it_and_leaves_nothing_half_done(
    place: Place, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    place.npm(f"echo >{begun}; exec tail -f /dev/null")

    def stop() -> None:
        wait_until(begun.exists, "npm's start")
        place.stopping.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(StoppedError):
        place.installer.install(TOOL)
    stopper.join()
    assert list_versions(place) == []


def test_its_log_has_what_npm_says_to_people_and_not_its_json(place: Place) -> None:
    place.npm("echo '{}'; echo npm error code E404 >&2; exit 1")
    place.carry_out()
    assert find_path(place.facts, "tools:claude").read_text() == "npm error code E404\n"


def test_nothing_of_what_npm_started_is_left(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installer, "TIME_LIMIT", 3.0)
    monkeypatch.setattr(installer, "PULSE", 0.05)
    note = tmp_path / "pid"
    place.npm(f"tail -f /dev/null & echo $! >{note}; wait")
    assert place.carry_out().state is State.TIMEOUT
    wait_until(lambda: not Path(f"/proc/{note.read_text().strip()}").exists(), "its end")


def test_a_disk_that_does_not_answer_is_no_time_limit_of_ours(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(*_: object) -> bool:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    monkeypatch.setattr(installer.Installer, "is_due", ask)
    unit = place.carry_out()
    assert (unit.state, unit.reason) == (State.FAILED, "Connection timed out")


def test_a_version_that_was_never_linked_is_used(place: Place) -> None:
    """As after a kill between the renaming of the folder and the link."""
    place.npm(GOOD)
    place.installer.install(TOOL)
    place.link.unlink()
    place.npm("exit 1")
    (place.versions / "new").mkdir()
    place.installer.clean(TOOL)
    place.installer.install(TOOL)
    assert place.facts.which("claude")
    assert len(list_versions(place)) == 1


def test_links_that_are_not_on_the_path_are_told(place: Place) -> None:
    place.npm(GOOD)
    place.facts = make_facts(place.root, PATH=f"{place.programs}:/usr/bin:/bin")
    assert "is not on the PATH" in str(place.fail())


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
def test_wanted_is_what_has_a_key_or_is_named(words: dict[str, str], names: list[str]) -> None:
    settings = Settings.from_environ(words)
    found = [tool.name for tool in find_wanted(catalogue.TOOLS, settings)]
    assert found == names
    assert kind.KIND.wanted(settings) == bool(names)


def test_the_settings_and_the_images_know_these_tools_and_no_others() -> None:
    root = Path(__file__).parent.parent.parent
    names = [tool.name for tool in catalogue.TOOLS]
    assert list(NAMES) == names
    assert sorted(path.name for path in (root / "docker/mvp/ai").iterdir()) == names
    stages = (root / "docker/mvp/Dockerfile").read_text().split("\nFROM ")
    (stage,) = (stage for stage in stages if "COPY docker/mvp/ai/" in stage)
    (name,) = set(re.findall(r"docker/mvp/ai/(\w+)/", stage))
    assert name in names
    assert stage.startswith(f"fetch AS {name}\n")
    assert f"/{name} /out/usr/local/bin/{name};" in stage


def test_every_tool_may_be_named_and_has_a_lock_file() -> None:
    root = Path(__file__).parent.parent.parent
    for tool in catalogue.TOOLS:
        settings = Settings.from_environ({"DEV8_AI_TOOLS": tool.name})
        assert find_wanted(catalogue.TOOLS, settings) == (tool,)
        lock = json.loads((root / "docker/mvp/ai" / tool.name / "package-lock.json").read_bytes())
        entries = [entry for name, entry in lock["packages"].items() if name]
        assert all("integrity" in entry and "resolved" not in entry for entry in entries)


@pytest.mark.parametrize(
    ("file", "start", "others"),
    [
        ("README.md", "| `DEV8_AI_TOOLS` |", set()),
        ("docker/README.md", "| `AI_TOOLS` |", {"copilot"}),  # dev8-mvp always has it
        ("scripts/build.sh", "# AI_TOOLS ", {"copilot"}),
    ],
)
def test_where_people_read_of_the_tools_each_is_named(
    file: str, start: str, others: set[str]
) -> None:
    lines = (Path(__file__).parent.parent.parent / file).read_text().split("\n")
    (line,) = (line for line in lines if line.startswith(start))
    names = {tool.name for tool in catalogue.TOOLS} - others
    assert {name for name in names if name not in re.findall(r"\w+", line)} == set()


def test_a_kind_stands_as_all_that_are_wanted_whichever_was_asked_for_again(
    place: Place,
) -> None:
    place.settings = Settings.from_environ({"DEV8_AI_TOOLS": "claude,codex"})
    place.npm("exit 1")
    kind.carry_out(place.work)
    own = unit_record.read(place.facts, "tools")
    assert own and own.state is State.FAILED
    assert own.reason.startswith("tools:claude: ")
    place.program("claude", "echo mine")
    again = place.work
    again.only = "claude"
    kind.carry_out(again)
    own = unit_record.read(place.facts, "tools")
    assert own and own.state is State.DONE, "codex has no lock file here: it is skipped"


def test_rows_tell_how_a_tool_stands(place: Place) -> None:
    def row() -> Row:
        (found,) = describe((TOOL,), place.settings, place.facts)
        return found

    assert row() == Row("claude", "missing")
    unit = place.work.part("claude")
    with hold(place.facts, UNIT):
        unit.begin()
        assert row() == Row("claude", "installing")
    unit.fail("npm ended with 1", "fix it")
    assert row() == Row("claude", "failed", problem="npm ended with 1 (fix it)")
    place.npm(GOOD)
    place.installer.install(TOOL)
    unit.done()
    assert row() == Row("claude", "installed", str(place.link), "agent", "@x/claude 1.0.0")
    own = place.program("claude", "echo mine")
    assert row() == Row("claude", "installed", str(own), "other")


def test_rows_while_tools_are_installed_are_of_the_wanted_ones(place: Place) -> None:
    other = AiTool("codex", "Codex", (codex.KEY,), lambda *_: ())
    with hold(place.facts, UNIT):
        place.work.own.begin()
        rows = list(describe((TOOL, other), place.settings, place.facts))
    assert rows == [Row("claude", "waiting")]
