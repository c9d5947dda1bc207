"""To add a thing is one file and one name: a stranger of each kind works, and is seen."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.pid1.boxes import Box
from tests.worlds.containers import find_free_port
from tests.worlds.needs import need
from tests.worlds.programs import Awaited
from tests.worlds.waiting import DEADLINE, wait_until

TOP = Path(__file__).parent.parent.parent
HOST = "foreign.example"
TOKEN = "ghp_foreign0123456789"

STEP = """
from agent.machine.planning.resources import File
from agent.settings.step import Step

def resources(context):
    yield File(context.facts.home / ".foreign-step", b"done")

STEP = Step("foreign-step", resources)
"""
SERVICE = """
import sys
from agent.services.service import HttpProbe, Service, ServiceKind

def service(context):
    argv = (sys.executable, "-I", "-m", "http.server", "PORT", "--bind", "127.0.0.1")
    return Service("foreign", argv, probe=HttpProbe(PORT, "/"))

SERVICE = ServiceKind("foreign", lambda context: (), service)
"""
SOURCE = f"""
from agent.github.token import TokenSource, make_token
from agent.machine.secret import Secret

def fetch(account, facts):
    return make_token(Secret("{TOKEN}"), account.host, "FOREIGN")

SOURCE = TokenSource("foreign", lambda account: account.host == "{HOST}", fetch)
"""
TARGET = """
from agent.backup.target import Target, TargetKind

def find(settings, facts):
    folder = facts.home.parent / "foreign-backups"
    return Target("foreign", str(folder), folder=folder)

TARGET = TargetKind("foreign", "FOREIGN", lambda backup: True, find)
"""
TOOL = """
from agent.machine.planning.resources import File
from agent.tools.config_entries import JSON, Config
from agent.tools.tool import AiTool, Login

def resources(settings, facts):
    given = find_key(settings)
    yield File(facts.home / ".foreign-tool", b"key" if given else b"no key", 0o600)

def find_key(settings):
    return settings.ai.openai_key

def find_file(facts):
    return facts.home / ".foreign-servers.json"

TOOL = AiTool(
    "foreign", "Foreign", (Login("FOREIGN_KEY", find_key),), resources,
    Config(find_file, JSON, lambda servers: {("servers", name): {} for name in servers}),
    Config(find_file, JSON, lambda folder: {("trusted", str(folder)): True}),
    status=("--is-signed-in",),
    overrides=("FOREIGN_TOKEN",),
    secrets=(".foreign/key",),
    kept=(".foreign/notes",),
    project=(".foreign.json",),
    headless=("--once",),
    fed="--fed",
)
"""
VERB = '''
"""Write a file."""
from pathlib import Path
from agent.settings import context

def add_arguments(parser):
    parser.add_argument("--json", action="store_true")

def run(arguments, *_):
    (context.load().facts.home / ".foreign-job").write_text("ran")
    return 0
'''
UNIT = """
from agent.units.unit import Kind

def carry_out(work):
    work.own.begin()
    ended = work.own.run(("sh", "-c", "echo at work; exit 3"))
    work.own.fail("it was to fail", "devcopilot rerun foreign-unit", ended.code)

KIND = Kind("foreign-unit", "a foreign unit", lambda settings: True, carry_out)
"""
JOB = 'JobKind(Job("foreign", call("foreign"), None, 30.0))'


class Tree:
    """A copy of the agent, and an interpreter that loads it."""

    def __init__(self, folder: Path) -> None:
        self.agent = folder / "site/agent"
        unfinished = shutil.ignore_patterns("*.pyc.*")  # what is compiled counts here as well
        shutil.copytree(TOP / "agent", self.agent, ignore=unfinished)
        self.python = folder / "venv/bin/python"
        site = folder / f"venv/lib/python{sysconfig.get_python_version()}/site-packages"
        site.mkdir(parents=True)
        self.python.parent.mkdir()
        self.python.symlink_to(Path(sys.executable).resolve())
        (folder / "venv/pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
        (site / "copy.pth").write_text(f"{self.agent.parent}\n{sysconfig.get_path('purelib')}\n")

    def add(self, path: str, content: str, listed: str, start: str, entry: str) -> None:
        """Write one file, and add one name to a list: all that anybody has to do."""
        file, names = self.agent / path, self.agent / listed
        file.write_text(content)
        module = path.removesuffix(".py").replace("/", ".")
        line = f"from agent.{module.rpartition('.')[0]} import {module.rpartition('.')[2]}\n"
        text = names.read_text()
        assert text.count(start) == 1, f"{listed} has no list that begins with {start!r}"
        uses = entry.startswith("foreign.")
        text = text.replace("\nfrom agent.", f"\n{line}from agent.", 1) if uses else text
        names.write_text(text.replace(start, f"{start}{entry}, ", 1))


@pytest.fixture
def tree(folder: Path) -> Tree:
    found = Tree(folder)
    found.add("workspace/foreign.py", STEP, "workspace/all.py", "STEPS = (", "foreign.STEP")
    port = str(find_free_port())
    service = SERVICE.replace("PORT", port)
    found.add("services/foreign.py", service, "services/all.py", "SERVICES = (", "foreign.SERVICE")
    source = "github/sources/foreign.py", SOURCE, "github/sources/all.py"
    found.add(*source, "SOURCES = (", "foreign.SOURCE")
    target = "backup/targets/foreign.py", TARGET, "backup/targets/all.py"
    found.add(*target, "TARGETS = (", "foreign.TARGET")
    found.add("tools/foreign.py", TOOL, "tools/all.py", "TOOLS = (", "foreign.TOOL")
    verb = "commands/foreign.py", VERB, "__main__.py"
    found.add(*verb, "VERBS = {", '"foreign": "a foreign verb"')
    found.add("commands/foreign.py", VERB, "workspace/jobs.py", "JOBS = (", JOB)
    found.add(
        "units/foreign.py", UNIT, "units/all.py", "KINDS: tuple[Kind, ...] = (", "foreign.KIND"
    )
    return found


class Strange:
    """A workspace in which all of them live."""

    def __init__(self, start: Callable[..., Box], folder: Path, tree: Tree) -> None:
        self.home = folder / "home"
        for path in (self.home, folder / "workspace", folder / "run", folder / "bin"):
            path.mkdir(mode=0o700)
            shutil.chown(path, folder.stat().st_uid)
        (folder / "bin").chmod(0o755)
        self.program = folder / "bin/foreign"
        self.program.write_text("#!/bin/sh\ncase $1 in --once) sleep 600 ;; esac\n")
        self.program.chmod(0o755)
        self.workspace = folder / "workspace"
        self.write(folder / "mcp.json", json.dumps({"mcpServers": {"one": {"command": "true"}}}))
        self.write(self.home / ".bashrc", "export FOREIGN_TOKEN=x\n")
        self.write(self.home / ".foreign/notes", "kept")
        self.write(self.home / ".foreign/key", "secret").chmod(0o660)
        self._python = tree.python
        self._environ = {
            "HOME": str(self.home),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "WORKSPACE_DIR": str(folder / "workspace"),
            "DEV8_RUNTIME_DIR": str(folder / "run/devcopilot"),
            "GIT_CONFIG_SYSTEM": str(folder / "gitconfig"),
            "GH_HOST": HOST,
            "DEV8_GITHUB_API_URL": "http://127.0.0.1:9",
            "DEV8_SSH": "false",
            "DEV8_CODE_SERVER": "false",
            "DEV8_AI_TOOLS": "off",
            "DEV8_BACKUP_SCHEDULE": "off",  # one that is due at the start would be in the way
            "DEV8_MCP": str(folder / "mcp.json"),
            "OPENAI_API_KEY": "sk-0123456789",
        }
        words = (str(tree.python), "-I", "-m", "agent", "run", "--", "sleep", "infinity")
        self.box = start(*words, environment=self._environ)
        self.box.wait_for('"message": "READY in ')

    def write(self, path: Path, text: str) -> Path:
        """Write a file of the user."""
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        for each in (path.parent, path):
            shutil.chown(each, self.home.stat().st_uid)
        return path

    def enter(self, *words: str | Path) -> list[str | Path]:
        """Return what runs a command beside PID 1, as its user."""
        enter = ["nsenter", "--target", str(self.box.pid), "--pid", "--mount"]
        uid = str(self.home.stat().st_uid)
        user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return [*enter, *user, *words] if os.getuid() == 0 else [*words]

    def run(self, *words: str, code: int = 0) -> str:
        """Run `devcopilot` beside PID 1, as its user; return all that it says."""
        done = subprocess.run(
            self.enter(self._python, "-I", "-m", "agent", *words), env=self._environ, check=False,
            capture_output=True, text=True, timeout=2 * DEADLINE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def running(self, *words: str) -> Iterator[None]:
        """Let a program run beside PID 1, as its user."""
        with Awaited[bytes](self.enter(*words), env=self._environ) as process:
            try:
                yield
            finally:
                process.kill()

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--json")))


@pytest.fixture
def strange(start: Callable[..., Box], folder: Path, tree: Tree) -> Strange:
    need(shutil.which("restic"), "needs restic 0.18")
    return Strange(start, folder, tree)


def test_one_file_and_one_name_add_a_thing(strange: Strange) -> None:
    assert (strange.home / ".foreign-step").read_text() == "done"
    assert (strange.home / ".foreign-tool").read_text() == "key"
    wait_until((strange.home / ".foreign-job").exists, "the job's file")
    assert TOKEN in strange.run("token"), "a source of the first place wins"
    strange.run("backup", "create")
    status = strange.status()
    services = {row["name"]: row for row in status["services"]}
    assert services["foreign"]["state"] == "RUNNING"
    assert strange.run("explain", "foreign") == "foreign is running\n"
    reasons = json.loads(strange.run("explain", "foreign", "--json"))["reasons"]
    assert reasons == {"foreign": None}
    assert "foreign" in status["jobs"]
    assert [row["host"] for row in status["tokens"]] == [HOST]
    tools = {row["name"]: row for row in status["tools"]}
    assert tools["foreign"]["state"] == "installed"
    (backup,) = status["backups"]
    assert (backup["target"], bool(backup["snapshot"])) == ("foreign", True)
    assert "a foreign verb" in strange.run("--help")
    said = strange.run("wait", "--for", "foreign-unit", "--timeout", "30s", code=1)
    assert said == "devcopilot: it was to fail (devcopilot rerun foreign-unit)\n"
    units = {row["name"]: row for row in strange.status()["units"]}
    unit = units["foreign-unit"]
    assert (unit["state"], unit["exit"]) == ("failed", 3)
    assert strange.run("log", "foreign-unit") == "at work\n"
    assert "at work" in strange.run("rerun", "--all", code=1)
    strange.box.wait_for("foreign-unit failed: it was to fail")


def test_a_tool_is_known_wherever_tools_are(strange: Strange) -> None:
    """Its own file declares what backups, owners, trust, MCP, shells, doctor and activity need."""
    home = strange.home
    assert (home / ".foreign/key").stat().st_mode & 0o777 == 0o600, "closed to others"
    content = json.loads(strange.run("backup", "list", "--content", "--json"))
    assert str(home / ".foreign/notes") in content["paths"]
    assert str(home / ".foreign/key") in content["excludes"]
    servers = home / ".foreign-servers.json"
    assert json.loads(servers.read_text()) == {"servers": {"one": {}}}
    strange.box.wait_for("exports FOREIGN_TOKEN in line 1")
    strange.run("trust", str(strange.workspace))
    strange.run("configure")
    assert json.loads(servers.read_text())["trusted"] == {str(strange.workspace): True}
    strange.write(strange.workspace / ".foreign.json", "{}")
    window = json.loads(strange.run("editor", "--json", str(strange.workspace)))
    assert "changed since you trusted it: .foreign.json" in window["question"]
    assert "Foreign is signed in" in strange.run("doctor", "ai-login")
    assert "Foreign" in strange.run("doctor", "--list")


def test_a_tool_at_work_counts_as_use(strange: Strange) -> None:
    def find_ai() -> dict[str, Any]:
        signals = json.loads(strange.run("activity", "--json"))["signals"]
        (found,) = (row for row in signals if row["name"] == "ai")
        return dict(found)

    assert find_ai()["why"] == "no AI tool runs"
    with strange.running(str(strange.program), "--once"):
        wait_until(lambda: find_ai()["detail"] == "foreign is at work", "the tool in the activity")


def test_the_catalogue_shows_them_all(tree: Tree) -> None:
    script = (
        "from agent import catalogue as c; print([k.name for k in (*c.STEPS, *c.SERVICES, "
        "*c.SOURCES, *c.TARGETS, *c.TOOLS, *(j.job for j in c.JOBS))].count('foreign'), "
        "c.STEPS[0].name)"
    )
    done = subprocess.run(
        [tree.python, "-I", "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "5 foreign-step\n"
