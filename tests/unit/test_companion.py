"""What the companion of the editor says of the workspace in the status bar."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.machine.light.clock import format_time
from agent.machine.records import unit_record
from agent.settings.everything import Settings
from agent.units.setup import hold
from agent.workspace.vscode import COMPANION
from tests.worlds.backup_servers import find_program
from tests.worlds.machine import make_facts

PAGE = COMPANION / "page.js"
NOBODY = 2**22 + 1
"""No process has a higher number than 2**22: proc_sys_kernel(5)."""
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
READ = """
const { readUnits } = require(process.argv[1].replace("page.js", "units.js"));
console.log(JSON.stringify(readUnits(process.argv[2])));
"""
ACTIVATE = """
const Module = require("node:module");
const load = Module._load;
const nothing = { dispose: () => {} };
const items = [];
const createStatusBarItem = () => {
  const item = { show() { this.shown = true; }, hide() { this.shown = false; } };
  items.push(item);
  return item;
};
const anything = (known) => new Proxy(known, { get: (_, name) => known[name] ?? (() => nothing) });
const vscode = {
  StatusBarAlignment: { Left: 1 },
  UIKind: { Web: 2 },
  TextEditorSelectionChangeKind: {},
  Disposable: class { constructor(dispose) { this.dispose = dispose; } },
  env: anything({}),
  workspace: anything({}),
  window: anything({ createStatusBarItem }),
  commands: anything({}),
};
Module._load = (name, ...rest) => (name === "vscode" ? vscode : load(name, ...rest));
process.env.DEV8_RUNTIME_DIR = process.argv[2];
const context = { subscriptions: [] };
require(process.argv[1].replace("page.js", "extension.js")).activate(context);
const look = setInterval(() => {
  const [unit] = items;
  if (!unit?.text) return;
  clearInterval(look);
  context.subscriptions.forEach((each) => each.dispose?.());
  console.log(JSON.stringify([unit.shown, unit.text, unit.tooltip]));
  process.exit();
}, 20);
"""
LOOK = """
const { look } = require(process.argv[1]);
const [runtime, state, now] = process.argv.slice(2);
console.log(JSON.stringify(look(runtime, state, Date.parse(now))));
"""
OPEN = """
const { showPage } = require(process.argv[1]);
const item = { show: () => {} };
const commands = {};
const opened = [];
const vscode = {
  StatusBarAlignment: { Left: 1 },
  Uri: { parse: (text) => text },
  window: { createStatusBarItem: () => item },
  commands: { registerCommand: (name, run) => ((commands[name] = run), { dispose: () => {} }) },
  env: {
    asExternalUri: async (uri) => `outside ${uri}`,
    openExternal: async (uri) => opened.push(uri),
  },
};
const context = { subscriptions: [] };
showPage(vscode, context, process.argv[2]);
(async () => {
  await commands[item.command]?.();
  context.subscriptions.forEach((each) => each.dispose?.());
  console.log(JSON.stringify({ item, opened }));
})();
"""


def run(script: str, *words: object) -> Any:
    done = subprocess.run(
        [find_program("node"), "-e", script, str(PAGE), *map(str, words)],
        check=True, capture_output=True, text=True, timeout=120, env={"HOME": "/nowhere"},
    )  # fmt: skip
    return json.loads(done.stdout)


def tell(**delta: float) -> str:
    return format_time(NOW + timedelta(**delta))


def make_token(**changes: Any) -> dict[str, Any]:
    return {"host": "github.com", "expires": tell(hours=1), "problems": {}, **changes}


def make_backup(**changes: Any) -> dict[str, Any]:
    return {"s3": {"seen": tell(minutes=-3), "problem": "", "finding": "", **changes}}


PROBLEM = {"message": "cannot sign", "hint": "set a key", "level": "warning", "step": "signing"}


@pytest.mark.parametrize(
    ("files", "text", "is_bad"),
    [
        ({}, "All well", False),
        ({"tokens/github.com.json": make_token()}, "All well", False),
        ({"tokens/github.com.json": make_token(expires="")}, "All well", False),
        ({"tokens/github.com.json": make_token(expires=tell(minutes=12))},
         "token ends in 12 min", False),
        ({"tokens/github.com.json": make_token(expires=tell(minutes=-1))},
         "token has expired", True),
        ({"tokens/github.com.json": make_token(problems={"check": "refused"})},
         "token has a problem", True),
        ({"state/backup/record.json": make_backup()}, "backup 3 min ago", False),
        ({"state/backup/record.json": make_backup(seen=tell(hours=-5))}, "backup 5 h ago", False),
        ({"state/backup/record.json": make_backup(seen="")}, "All well", False),
        ({"state/backup/record.json": make_backup(problem="no space")},
         "backup to s3 failed", True),
        ({"state/backup/record.json": make_backup(problem="old"),
          "spare/backup/record.json": make_backup()}, "backup 3 min ago", False),
        ({"problems.json": [PROBLEM, PROBLEM]}, "2 problems", True),
        ({"problems.json": [{**PROBLEM, "level": "info"}]}, "All well", False),
        ({"problems.json": [PROBLEM], "state/backup/record.json": make_backup(),
          "tokens/github.com.json": make_token(expires=tell(minutes=12))}, "1 problem", True),
        ({"tokens/github.com.json": "half a fi", "state/backup/record.json": 5,
          "problems.json": {}}, "All well", False),
    ],
)  # fmt: skip
def test_the_status_bar_says_what_needs_somebody_soon(
    files: dict[str, Any], text: str, is_bad: bool, tmp_path: Path
) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    found = run(LOOK, tmp_path, tmp_path / "state", tell())
    assert (found["text"], found["isBad"]) == (text, is_bad)


@pytest.mark.parametrize(("given", "port"), [({}, 8079), ({"DEV8_PAGE_PORT": "9000"}, 9000)])
def test_a_click_opens_the_page_wherever_the_editor_runs(
    given: dict[str, str], port: int, tmp_path: Path
) -> None:
    assert Settings.from_environ(given).serving.page_port == port
    (tmp_path / "settings.json").write_text(json.dumps({"variables": given}))
    (tmp_path / "problems.json").write_text(json.dumps([{**PROBLEM, "message": "$(trash) x"}]))
    found = run(OPEN, tmp_path)
    assert found["opened"] == [f"outside http://127.0.0.1:{port}/"]
    assert found["item"]["text"] == "$(warning) 1 problem"
    assert found["item"]["accessibilityInformation"]["label"] == (
        "Workspace: 1 problem. Opens its page"
    )


def test_without_a_page_there_is_nothing_to_open(tmp_path: Path) -> None:
    settings = {"variables": {"DEV8_PAGE_PORT": "0"}}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    assert run(OPEN, tmp_path)["item"] == {}


@pytest.mark.parametrize(
    ("holder", "state", "reason"),
    [
        (f"once {os.getpid()}", "running", "receiving"),
        (None, "running", "receiving"),
        ("", "running", "receiving"),
        (f"once {NOBODY}", "failed", unit_record.INTERRUPTED),
        (f"repeated {NOBODY}", "waiting", unit_record.BEGINS_AGAIN),
    ],
    ids=["alive", "of nobody", "unnamed", "killed", "killed and repeated"],
)
def test_a_unit_whose_process_was_killed_is_at_work_no_more(
    tmp_path: Path, holder: str | None, state: str, reason: str
) -> None:
    """It says what `status` says, though it cannot ask for the lock."""
    unit = {"name": "clone:demo", "state": "running", "reason": "receiving", "progress": 40}
    done = {"name": "hooks", "state": "done", "reason": ""}
    (tmp_path / "clone:demo.json").write_text(json.dumps(unit))
    (tmp_path / "hooks.json").write_text(json.dumps(done))
    if holder is not None:
        (tmp_path / "clone.lock").write_text(holder)
    assert run(READ, tmp_path) == [unit | {"state": state, "reason": reason}, done]


def test_the_status_bar_shows_no_unit_at_work_whose_process_was_killed(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    unit = {"name": "clone:demo", "state": "running", "reason": "receiving", "progress": 40}
    (tmp_path / "units/clone:demo.json").write_text(json.dumps(unit))
    assert run(ACTIVATE, tmp_path) == [
        True, "$(sync~spin) Setup: clone:demo: running 40 %", "clone:demo: running 40 % (receiving)"
    ]  # fmt: skip
    (tmp_path / "units/clone.lock").write_text(f"once {NOBODY}")
    assert run(ACTIVATE, tmp_path) == [
        True, "$(warning) Setup: clone:demo: failed", "clone:demo: failed (it was interrupted)"
    ]  # fmt: skip


def test_who_holds_a_kind_leaves_the_words_that_it_reads(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    for is_repeated, word in ((True, "repeated"), (False, "once")):
        with hold(facts, "clone", is_repeated=is_repeated):
            pass
        assert unit_record.find_lock(facts, "clone").read_text() == f"{word} {os.getpid()}"


def test_it_starts_no_program() -> None:
    for name in ("page.js", "units.js"):
        assert "child_process" not in (COMPANION / name).read_text()
