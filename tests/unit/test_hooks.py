"""Hooks: which run, in which order, with what; and what a restart and a failure do to them."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.__main__ import main
from agent.machine.light import runtime
from agent.machine.light.files import SETTINGS
from agent.machine.records import unit_record
from agent.machine.records.unit_record import Record, State
from agent.settings import context as settings_context
from agent.settings import hook_folder
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools import trust
from agent.units import waiting
from agent.units.hooks import attach, environment, kind, remote, stopping
from agent.units.setup import Setup
from agent.workspace.jobs import find_jobs
from tests.worlds.limits import refuse_threads
from tests.worlds.machine import make_facts
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

FILE = ".devcontainer/devcontainer.json"
SECRET = "ghp_0123456789abcdefghij"


class Silent:
    """Hears what is told."""

    def begin(self, unit: Record) -> None: ...

    def line(self, unit: Record, text: str) -> None: ...

    def passing(self, unit: Record, text: str) -> None: ...

    def end(self, unit: Record, last: Sequence[str]) -> None: ...


class Container:
    """A container with a workspace on a volume."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = root / "demo"
        self.folder.mkdir(exist_ok=True)
        self.hooks_d = root / "hooks.d"
        self.variables = {"WORKSPACE_DIR": str(self.folder), "DEV8_TRUST": "trusted"}
        self.facts = make_facts(root, SHELL="/bin/sh", LANG="C.UTF-8")
        self.identity = "first"
        monkeypatch.setattr(hook_folder, "FOLDER", self.hooks_d)
        monkeypatch.setattr(kind, "find_identity", lambda: self.identity)

    def write(self, **properties: Any) -> None:
        """Write devcontainer.json."""
        path = self.folder / FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(properties))

    @property
    def context(self) -> Context:
        return Context(self.variables, Settings.from_environ(self.variables), self.facts)

    def make(self, order: Mapping[str, str] | None = None) -> Setup:
        return Setup(self.context, (kind.KIND, attach.KIND), Silent(), order)

    def run(self, order: Mapping[str, str] | None = None) -> "Container":
        self.make(order).run()
        return self

    def start(self, *, new: bool = False) -> "Container":
        """Carry out what a start does, in this container or a new one on the same volume."""
        runtime.clear(str(self.facts.runtime))
        self.identity = self.identity + "+" if new else self.identity
        return self.run()

    def record(self, part: str = "") -> Record:
        found = unit_record.read(self.facts, f"hooks:{part}" if part else "hooks")
        assert found
        return found

    def attached(self, part: str = "") -> Record:
        """Return how the command for the first shell stands."""
        found = unit_record.read(self.facts, f"attach{part}")
        assert found
        return found

    def state(self, part: str = "") -> str:
        return str(self.record(part).state)

    def log(self, part: str) -> list[str]:
        return Path(self.record(part).log).read_text().splitlines()

    def said(self) -> list[str]:
        """Return what the commands of `say` have said."""
        path = self.folder / "said"
        return path.read_text().split() if path.exists() else []


def say(word: str) -> str:
    return f"echo {word} >>said"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    return Container(tmp_path, monkeypatch)


HOOKS = ("onCreate", "updateContent", "postCreate", "postStart")


# --- what runs, in which order ---


def test_each_hook_in_its_order(box: Container) -> None:
    box.write(**{f"{hook}Command": say(hook) for hook in reversed(HOOKS)})
    box.start()
    assert box.said() == list(HOOKS)
    assert box.state() == "done"


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("form", ["text", "words", "object"])
def test_each_form_of_each_hook(box: Container, hook: str, form: str) -> None:
    forms: dict[str, Any] = {
        "text": 'echo "$0 $((1 + 1))" >>said',
        "words": ["sh", "-c", 'echo "$1" >>said', "x", "2 $((1 + 1))"],
        "object": {"a": say("2"), "b": ["touch", "b c"], "c": ""},
    }
    box.write(**{f"{hook}Command": forms[form]})
    box.start()
    assert box.state(hook) == "done"
    assert "2" in box.said()
    assert (box.folder / "b c").exists() == (form == "object")


@pytest.mark.parametrize("empty", [None, "", " ", [], {}, {"a": ""}])
def test_an_empty_command_is_none(box: Container, empty: Any) -> None:
    box.write(postCreateCommand=empty)
    box.start()
    assert box.state() == "skipped"
    assert "there are no hooks in" in box.record().reason


def test_commands_of_an_object_run_side_by_side(box: Container) -> None:
    """Each waits for the other: one after another they would never end."""
    wait = "touch {0}; while [ ! -e {1} ]; do sleep 0.02; done; echo {0} is there"
    box.variables["DEV8_HOOK_TIMEOUT"] = "30s"
    box.write(postCreateCommand={"a": wait.format("a", "b"), "b": wait.format("b", "a")})
    box.start()
    assert box.state("postCreate") == "done"
    assert sorted(box.log("postCreate")) == ["a | a is there", "b | b is there"]
    assert box.log("postCreate:a") == ["a is there"]


def test_where_no_thread_can_be_they_run_one_after_another(
    box: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_threads(monkeypatch)
    box.write(postCreateCommand={"a": say("a"), "b": say("b")}, postStartCommand=say("start"))
    box.start()
    assert box.said() == ["a", "b", "start"]
    assert (box.state(), box.state("postCreate:a")) == ("done", "done")


def test_one_of_an_object_fails(box: Container) -> None:
    box.write(
        onCreateCommand={"good": say("good"), "bad": "echo it is broken; exit 7"},
        postCreateCommand=say("later"),
    )
    box.start()
    assert box.said() == ["good"]
    assert box.state("onCreate:good") == "done"
    assert box.record("onCreate:bad").exit == 7
    assert box.record("onCreate").reason == "bad ended with code 7"
    assert box.state("postCreate") == "skipped"
    assert box.record("postCreate").reason == "hooks:onCreate failed"
    assert box.state() == "failed"
    assert "devcopilot log hooks:onCreate" in box.record().hint


def test_names_of_an_object_become_no_paths(box: Container) -> None:
    names = ["../../x\x1b[31m", "../../x\x1b(31m", "", "x" * 300, "x" * 301]
    box.write(onCreateCommand={name: say("hello") for name in names})
    box.start()
    assert box.state("onCreate") == "done"
    assert len(box.said()) == len(names)
    units = [each.name for each in unit_record.list_all(box.facts) if "onCreate:" in each.name]
    assert len(units) == len(names)
    assert all(name.replace(".", "").replace(":", "").replace("-", "").isalnum() for name in units)


# --- whom we trust ---


def test_nothing_of_an_untrusted_repository_runs(box: Container) -> None:
    box.variables["DEV8_TRUST"] = "ask"
    box.write(onCreateCommand=say("a"), postStartCommand=say("b"), remoteEnv={"A": "b"})
    box.start()
    assert box.said() == []
    assert box.state() == "waiting"
    assert "is not trusted yet" in box.record().reason
    assert box.record().hint == f"if you trust its code: devcopilot trust {box.folder}"
    assert not (box.facts.runtime / "remote-env.sh").exists()
    trust.give(box.context, box.folder)
    box.run()
    assert box.said() == ["a", "b"]
    box.write(onCreateCommand=say("other"))
    box.start()
    assert box.said() == ["a", "b"]
    assert box.record().reason.endswith(f"changed since you trusted it: {FILE}")


def test_off_is_off(box: Container) -> None:
    box.variables["DEV8_TRUST"] = "off"
    box.write(onCreateCommand=say("a"))
    box.start()
    assert box.said() == []
    assert box.state() == "skipped"
    assert box.record().reason.startswith("DEV8_TRUST=off")


def test_what_a_trusted_hook_changes_stays_trusted(box: Container) -> None:
    box.variables["DEV8_TRUST"] = "ask"
    box.write(postCreateCommand="mkdir .vscode; echo {} >.vscode/settings.json")
    trust.give(box.context, box.folder)
    box.start()
    assert trust.find_verdict(box.context, box.folder) is trust.Verdict.TRUSTED


CHECK_OUT = "touch .git/index.lock"
"""What git does before it writes the first file of another commit; HEAD follows the last one."""


PART = "mkdir .vscode; git cat-file blob"
"""What a checkout leaves that fails half-way: a file, and git's own ones as they were."""


FULL = "trap '' XFSZ; ulimit -f 1;"
"""A full disk: git can write neither a file to its end nor the index."""


@pytest.mark.parametrize(
    ("meanwhile", "verdict"),
    [
        ("true", trust.Verdict.TRUSTED),
        ("commit -q --allow-empty -m 2", trust.Verdict.ASK),
        (CHECK_OUT, trust.Verdict.ASK),
        ("git read-tree -m -u HEAD other", trust.Verdict.ASK),
        ("git read-tree -m -u HEAD unrelated", trust.Verdict.TRUSTED),
        ("git status", trust.Verdict.TRUSTED),
        (f"{PART} other:.vscode/settings.json >.vscode/settings.json", trust.Verdict.ASK),
        (
            f"{PART} other:.vscode/settings.json | sed 's/$/\r/' >.vscode/mcp.json",
            trust.Verdict.ASK,
        ),
        (
            f"{PART} other:.vscode/settings.json >cfg.json; ln -s ../cfg.json .vscode/launch.json",
            trust.Verdict.ASK,
        ),
        (f"{FULL} git checkout -q long", trust.Verdict.ASK),
        (f"{FULL} git -c core.autocrlf=true checkout -q long", trust.Verdict.ASK),
        ("mkdir .vscode; seq 150 >.vscode/launch.json", trust.Verdict.TRUSTED),
        (
            "mkdir .vscode; cp .devcontainer/devcontainer.json .vscode/launch.json",
            trust.Verdict.TRUSTED,
        ),
    ],
    ids=[
        "nothing",
        "done",
        "under way",
        "before HEAD moves",
        "of other files",
        "a look",
        "in part",
        "in part with CRLF",
        "in part behind a link",
        "cut off",
        "cut off with CRLF",
        "the beginning of another file",
        "a copy of what was trusted",
    ],
)
def test_what_is_checked_out_while_a_hook_runs_is_asked_about(
    box: Container, meanwhile: str, verdict: trust.Verdict
) -> None:
    """Somebody pulls: nobody has looked at what comes with that."""
    box.variables["DEV8_TRUST"] = "ask"
    git = "git -c user.name=a -c user.email=a@example.com"
    words = f"{git} {meanwhile}" if meanwhile.startswith("commit") else meanwhile
    box.write(postCreateCommand=f"{words}; mkdir -p .vscode; echo made >.vscode/tasks.json")
    setting = f"""git init -q; seq 30 | xargs touch; git add .; {git} commit -q -m 1
        mkdir .vscode; seq 300 >.vscode/settings.json; git add -f .vscode
        {git} commit -q -m 2; git branch long; git reset -q --hard HEAD~
        for name in .vscode/settings.json:other README.md:unrelated; do
            mkdir -p .vscode; echo {{}} >"${{name%:*}}"; git add -f "${{name%:*}}"
            {git} commit -q -m 2; git branch "${{name#*:}}"; git reset -q --hard HEAD~
        done"""
    subprocess.run(["sh", "-c", setting], cwd=box.folder, check=True)
    trust.give(box.context, box.folder)
    box.start()
    assert (box.folder / ".vscode/tasks.json").exists()
    assert trust.find_verdict(box.context, box.folder) is verdict


def test_what_is_checked_out_while_a_folder_is_looked_at_is_asked_about(
    box: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.variables["DEV8_TRUST"] = "ask"
    box.write(postCreateCommand=say("create"))
    git = "git -c user.name=a -c user.email=a@example.com"
    setting = f"""git init -q; git add .; {git} commit -q -m 1; git checkout -q -b other
        mkdir .vscode; echo {{}} >.vscode/tasks.json; git add -f .; {git} commit -q -m 2
        git checkout -q -"""
    subprocess.run(["sh", "-c", setting], cwd=box.folder, check=True)
    trust.give(box.context, box.folder)
    take_prints = trust.take_prints

    def check_out_then(context: Context, folder: Path) -> trust.Prints:
        prints = take_prints(context, folder)
        subprocess.run(["git", "checkout", "-q", "other"], cwd=folder, check=True)
        return prints

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(trust, "take_prints", check_out_then)
        seen = trust.see(box.context, box.folder)
    assert trust.renew(box.context, box.folder, seen) == []
    assert trust.find_verdict(box.context, box.folder) is trust.Verdict.ASK


def test_hooks_of_the_image_need_no_trust(box: Container) -> None:
    box.variables |= {
        "DEV8_TRUST": "ask", "DEV8_ON_CREATE": "sh -c 'echo one >>said'",
        "DEV8_ON_START": "sh -c 'echo start >>said'",
    }  # fmt: skip
    box.write(onCreateCommand=say("never"))
    folder = box.hooks_d / "create"
    folder.mkdir(parents=True)
    (folder / "20-three").write_text("#!/bin/sh\necho three >>said\n")
    (folder / "20-three").chmod(0o755)
    (folder / "10-two").write_text("echo two >>said\n")
    (folder / ".hidden").write_text("echo hidden >>said\n")
    (folder / "folder").mkdir()
    box.start()
    assert box.said() == ["one", "two", "three", "start"]
    assert box.state() == "waiting"
    box.start()
    assert box.said() == ["one", "two", "three", "start", "start"]


def test_a_failed_hook_of_the_image_stops_the_others(box: Container) -> None:
    box.variables["DEV8_ON_CREATE"] = "false"
    box.write(onCreateCommand=say("never"))
    box.start()
    assert box.said() == []
    assert box.record().reason == "hooks:create: DEV8_ON_CREATE ended with code 1"


# --- what a restart does ---


def test_start_hooks_run_at_each_start_and_create_hooks_in_each_container(box: Container) -> None:
    box.write(onCreateCommand=say("create"), postStartCommand=say("start"))
    box.start().run()
    assert box.said() == ["create", "start"]
    box.start()
    assert box.said() == ["create", "start", "start"]
    assert box.state() == "done"
    box.start(new=True)
    assert box.said() == ["create", "start", "start", "create", "start"]


def test_only_a_changed_hook_runs_again(box: Container) -> None:
    box.write(onCreateCommand=say("a"), postCreateCommand=say("b"))
    box.start()
    box.write(onCreateCommand=say("a"), postCreateCommand=say("new"))
    box.start()
    assert box.said() == ["a", "b", "new"]


def test_a_failed_hook_runs_again_at_the_next_start(box: Container) -> None:
    box.write(onCreateCommand=say("a"), postCreateCommand="echo b >>said; test -e good")
    box.start().run()
    assert box.said() == ["a", "b"]
    (box.folder / "good").touch()
    box.start()
    assert box.said() == ["a", "b", "b"]
    assert box.state() == "done"


def test_a_hook_can_be_asked_for_again(box: Container) -> None:
    box.write(onCreateCommand=say("a"), postCreateCommand=say("b"), postStartCommand=say("c"))
    box.start().run({"hooks": "postCreate"})
    assert box.said() == ["a", "b", "c", "b"]
    box.run({"hooks": ""})
    assert box.said()[4:] == ["a", "b", "c"]


def test_an_interrupted_hook_runs_again_and_says_so(box: Container) -> None:
    box.write(postCreateCommand="echo a >>said; test -e good || sleep 600")
    setup = box.make()
    thread = threading.Thread(target=setup.run)
    thread.start()
    wait_until(lambda: box.said() == ["a"], "the hook runs")
    setup.stop()
    thread.join(30)
    (box.folder / "good").touch()
    box.start()
    assert box.said() == ["a", "a"]
    assert box.log("postCreate")[0] == "the run before was interrupted; running it again"
    assert box.state() == "done"


# --- limits ---


def test_a_hook_without_end_is_ended(box: Container) -> None:
    box.variables["DEV8_HOOK_TIMEOUT"] = "0.3s"
    box.write(postCreateCommand="sleep 600 & echo $! >said; wait", postStartCommand=say("later"))
    box.start()
    assert box.state("postCreate") == "timeout"
    assert "DEV8_HOOK_TIMEOUT" in box.record("postCreate").hint
    (pid,) = box.said()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid), "it is gone")
    assert box.state("postStart") == "skipped"


def is_zombie(pid: str) -> bool:
    return ") Z" in Path(f"/proc/{pid}/stat").read_text()


def test_a_missing_program_is_named(box: Container) -> None:
    box.write(postCreateCommand=["no-such-program", "x"])
    box.start()
    assert box.record().reason == (
        "hooks:postCreate: cannot run no-such-program x: No such file or directory"
    )


def test_hooks_read_nothing(box: Container) -> None:
    box.write(postCreateCommand="read line || echo end >>said")
    box.start()
    assert box.said() == ["end"]


# --- with what it runs ---


def env_of(box: Container, **properties: Any) -> dict[str, str]:
    box.write(postCreateCommand="env -0 >env", **properties)
    box.start(new=True)
    assert box.state("postCreate") == "done", box.record("postCreate")
    rows = (box.folder / "env").read_text().split("\0")
    return {name: value for name, _, value in (row.partition("=") for row in rows) if name}


def test_remote_env(box: Container) -> None:
    box.facts = replace(box.facts, environ={**box.facts.environ, "GONE": "1", "KEPT": "old"})
    found = env_of(
        box, containerEnv={"KEPT": "new", "ADDED": "a b"},
        remoteEnv={
            "GONE": None, "PATH": "${containerEnv:PATH}:/extra", "TWO": "${containerEnv:ADDED}!",
        },
    )  # fmt: skip
    assert "GONE" not in found
    assert found["KEPT"] == "old"
    assert found["ADDED"] == "a b"
    assert found["TWO"] == "a b!"
    assert found["PATH"].endswith(":/extra")
    assert found["DEVCOPILOT"] == "true"
    assert not {"CODESPACES", "REMOTE_CONTAINERS", "CODER"} & found.keys()


def test_shells_of_people_have_it_too(box: Container) -> None:
    changes = {"UID": "5", "QUOTED": "it's $HOME\n`id`", "HOME": None, "bad-name": "x"}
    box.write(remoteEnv=changes)
    box.start()
    script = box.facts.runtime / "remote-env.sh"
    assert script.stat().st_mode & 0o777 == 0o600
    shell = f'. {script}; printf \'%s|%s\' "$QUOTED" "${{HOME-none}}"'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME\n`id`|none"
    assert done.stderr == "", "bash sets UID itself, and reports whoever else does"
    box.write()
    box.start()
    assert not script.exists()


@pytest.mark.parametrize("bad", [{"A": 1}, {"A=B": "x"}, {"": "x"}, "text", [1]])
def test_an_environment_that_is_none(box: Container, bad: Any) -> None:
    box.write(remoteEnv=bad, postCreateCommand=say("a"))
    box.start()
    assert box.state() == "failed"
    assert f"cannot use {FILE}: remoteEnv" in box.record().reason
    assert box.said() == []


def test_what_the_shell_exports(box: Container) -> None:
    bash = {**box.facts.environ, "SHELL": "/bin/bash"}
    box.facts = replace(box.facts, environ=bash)
    (box.facts.home / ".bash_profile").write_text("export FROM_PROFILE='a\nb'\necho noise\n")
    assert env_of(box)["FROM_PROFILE"] == "a\nb"
    assert "FROM_PROFILE" not in env_of(box, userEnvProbe="none")


def test_a_shell_that_hangs_costs_its_environment_alone(
    box: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "LIMIT", 0.3)
    (box.facts.home / ".profile").write_text("sleep 600\n")
    assert env_of(box)["DEVCOPILOT"] == "true"
    assert "start-up files of /bin/sh take longer than" in box.log("postCreate")[0]


def test_a_hook_sees_no_secret(box: Container) -> None:
    box.facts = replace(box.facts, own_secrets={"MY_SECRET": SECRET})
    assert SECRET not in str(env_of(box))
    (box.facts.runtime / runtime.SECRETS / "GITHUB_TOKEN").write_text(SECRET)
    box.write(postCreateCommand=f"echo {SECRET}")
    box.run({"hooks": ""})
    assert box.state("postCreate") == "done"
    assert SECRET not in "".join(box.log("postCreate"))


@pytest.mark.parametrize(
    ("value", "inside"),
    [("/etc", False), ("{folder}/sub", True), ("{folder}/missing", False), (3, False),
     ("${{containerWorkspaceFolder}}/sub", True), ("{folder}/out", False)],
)  # fmt: skip
def test_the_working_folder(box: Container, value: Any, inside: bool) -> None:
    (box.folder / "sub").mkdir()
    (box.folder / "out").symlink_to("/etc")
    value = value.format(folder=box.folder) if isinstance(value, str) else value
    box.write(workspaceFolder=value, postCreateCommand=f"pwd >{box.folder}/said")
    box.start()
    assert box.said() == [f"{box.folder}/sub" if inside else str(box.folder)]


# --- for whom one waits ---


@pytest.mark.parametrize(
    ("wait_for", "seen"), [(None, "postCreate"), ("onCreateCommand", "updateContent"),
                           ("postCreateCommand", "postStart"), ("postStartCommand", "")],
)  # fmt: skip
def test_enough_is_done_when_the_next_hook_begins(
    box: Container, wait_for: str | None, seen: str
) -> None:
    path = box.facts.runtime / "units/hooks:waitFor.json"
    look = f"test -e {path} && echo {{}} >>said || :"
    commands = {f"{hook}Command": look.format(hook) for hook in HOOKS}
    box.write(waitFor=wait_for, **commands)
    box.start()
    assert box.said()[:1] == ([seen] if seen else [])
    assert box.state() == "done"


@pytest.mark.parametrize("shell", [name for name in ("sh", "bash", "zsh") if shutil.which(name)])
def test_each_shell_that_reads_the_environment_of_the_file_has_it(
    shell: str, tmp_path: Path
) -> None:
    """The images have it read by bash; docs/workspace.md has the line for zsh."""
    facts = make_facts(tmp_path)
    remote.share(facts, {"QUOTED": "it's $HOME `id`\nand more", "GONE": None})
    script = f'. {facts.runtime / remote.SCRIPT}; printf \'%s|%s\' "$QUOTED" "${{GONE-none}}"'
    for environ in ({"GONE": "x"}, {"GONE": "x", remote.MARK: "1", "QUOTED": "the user's"}):
        given = {**facts.environ, **environ}
        done = subprocess.run(
            [shell, "-c", script], env=given, check=True, capture_output=True, text=True
        )
        inner = remote.MARK in environ
        assert done.stdout == ("the user's|x" if inner else "it's $HOME `id`\nand more|none")


def test_fish_has_words_of_its_own(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    remote.share(facts, {"QUOTED": "it's \\ $HOME", "GONE": None, "bad-name": "x"})
    script = facts.runtime / remote.FISH_SCRIPT
    assert script.stat().st_mode & 0o777 == 0o600
    assert script.read_text().splitlines()[2:] == [
        r"set -gx QUOTED 'it\'s \\ $HOME'", "set -e GONE", "end"
    ]  # fmt: skip
    remote.share(facts, {})
    assert not script.exists()


# --- when somebody comes ---

SESSION = Path(__file__).parents[2] / "docker/base/etc/profile.d/session.sh"


def open_shell(box: Container, **environ: str) -> None:
    """Start a shell as sshd does."""
    given = {**box.facts.environ, "DEV8_RUNTIME_DIR": str(box.facts.runtime), **environ}
    subprocess.run(["bash", "-c", f". {SESSION}"], env=given, check=True)


def test_the_first_shell_attaches_and_no_other(box: Container) -> None:
    box.write(postStartCommand=say("start"), postAttachCommand=say("attach"))
    box.start()
    assert box.said() == ["start"]
    assert str(box.attached().state) == "waiting"
    open_shell(box, DEVCOPILOT="true")
    assert not (box.facts.runtime / "units/poke").exists(), "a hook is no person"
    open_shell(box)
    assert (box.facts.runtime / "units/poke").exists()
    box.run()
    assert box.said() == ["start", "attach"]
    assert str(box.attached().state) == "done"
    (box.facts.runtime / "units/poke").unlink()
    open_shell(box)
    assert not (box.facts.runtime / "units/poke").exists()
    assert box.run().said() == ["start", "attach"]
    box.start()
    open_shell(box)
    box.run()
    assert box.said() == ["start", "attach", "start", "attach"]


def test_hooks_that_run_again_leave_the_shell_of_an_attach_alone(
    box: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ask a shell for its environment; who carries out `hooks` ends only what hooks left."""
    alive: list[bool] = []

    def probe(
        _how: str, _environ: object, _folder: Path, _stop: object, on_start: Callable[[int], None]
    ) -> tuple[dict[str, str], str]:
        with Awaited[bytes](["sleep", "1000"], start_new_session=True) as shell:
            try:
                on_start(shell.pid)
                box.run({"hooks": ""})
                alive.append(shell.poll() is None)
            finally:
                shell.kill()
        return {}, ""

    box.write(postAttachCommand=say("attach"))
    monkeypatch.setattr(environment, "probe", probe)
    box.run({"attach": ""})
    assert (alive, box.said()) == ([True], ["attach"])


def test_nobody_attaches_to_what_is_not_trusted(box: Container) -> None:
    box.variables["DEV8_TRUST"] = "ask"
    box.write(postAttachCommand=say("attach"))
    box.start()
    assert not (box.facts.runtime / "units/attach.wanted").exists()
    assert str(box.attached().state) == "waiting"
    assert "devcopilot trust" in box.attached().hint
    box.run({"attach": ""})
    assert box.said() == []


def test_nobody_waits_for_what_waits_for_somebody(
    box: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write(postAttachCommand=say("attach"))
    box.start()
    monkeypatch.setattr(waiting, "KINDS", (kind.KIND, attach.KIND))
    monkeypatch.setattr(waiting, "ask_services", lambda _: waiting.Answer(State.DONE))
    assert waiting.ask_all(box.context).state is State.DONE


# --- as if somebody hostile had written it ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{\n "a" 1}', f"cannot read {FILE}:2:6: Expecting ':' delimiter"),
        ("[]", f"cannot read {FILE}: it is not an object"),
        ('{"a": "\\u0000"}', "a text in it contains a NUL character"),
        ('{"a": "\\ud800"}', "a text in it is not Unicode"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"postCreateCommand": 1}', "postCreateCommand is neither a text nor a list of texts"),
        ('{"postCreateCommand": ["a", 1]}', "postCreateCommand is neither"),
        ('{"postCreateCommand": {"a": {"b": "c"}}}', "postCreateCommand.a is neither"),
        ('{"waitFor": "never"}', "waitFor is none of onCreateCommand"),
    ],
)
def test_a_file_that_cannot_be_used(box: Container, text: str, reason: str) -> None:
    box.write()
    (box.folder / FILE).write_text(text)
    box.variables["DEV8_ON_START"] = "sh -c 'echo mine >>said'"
    box.start()
    assert reason in box.record().reason
    assert box.state() == "failed"
    assert box.said() == ["mine"]


def test_a_file_without_end_or_elsewhere(box: Container, tmp_path: Path) -> None:
    box.write()
    os.truncate(box.folder / FILE, 100 * 2**20)
    box.start()
    assert box.record().reason == f"cannot read {FILE}: it is larger than {SETTINGS // 1024} KiB"
    (box.folder / FILE).unlink()
    (tmp_path / "secret").write_text('{"postCreateCommand": "touch said"}')
    (box.folder / FILE).symlink_to(tmp_path / "secret")
    box.start()
    assert "it is a link that leads out of" in box.record().reason
    assert box.said() == []


def test_a_byte_order_mark_and_windows(box: Container) -> None:
    box.write()
    text = '\ufeff// one\r\n{\r\n"postCreateCommand": "echo a//b >>said", // two\r\n}\r\n'
    (box.folder / FILE).write_text(text)
    box.start()
    assert box.said() == ["a//b"]


@pytest.mark.parametrize("chosen", [None, ".devcontainer/b/devcontainer.json"])
def test_several_files_must_be_chosen_from(box: Container, chosen: str | None) -> None:
    for name in "ab":
        (box.folder / f".devcontainer/{name}").mkdir(parents=True)
        path = box.folder / f".devcontainer/{name}/devcontainer.json"
        path.write_text(json.dumps({"postCreateCommand": say(name)}))
    if chosen:
        box.variables["DEV8_DEVCONTAINER"] = chosen
    box.start()
    assert box.said() == (["b"] if chosen else [])
    if not chosen:
        assert box.record().hint == "set DEV8_DEVCONTAINER=.devcontainer/a/devcontainer.json"


# --- at the stop ---


def stop(box: Container, seconds: float) -> bool:
    return stopping.carry_out(box.context, seconds, Silent(), threading.Event())


def test_hooks_of_the_stop(box: Container) -> None:
    assert "final-hooks" not in {job.name for job in find_jobs(box.context)}
    box.variables["DEV8_ON_STOP"] = "sh -c 'echo one >>said'"
    (box.hooks_d / "stop").mkdir(parents=True)
    (box.hooks_d / "stop/two").write_text("echo two >>said\n")
    assert "final-hooks" in {job.name for job in find_jobs(box.context)}
    assert stop(box, 8)
    assert box.said() == ["one", "two"]
    assert box.state("stop") == "done"


def test_a_hook_of_the_stop_leaves_time_for_the_backup(box: Container) -> None:
    box.variables["DEV8_ON_STOP"] = "sleep 600"
    assert not stop(box, 0.6)
    assert box.state("stop") == "timeout"
    assert box.record("stop").hint.startswith("set DEV8_STOP_TIMEOUT")


# --- devcopilot hooks ---


@pytest.fixture
def called(box: Container, monkeypatch: pytest.MonkeyPatch) -> Container:
    monkeypatch.setattr(settings_context, "load", lambda: box.context)
    box.facts = replace(box.facts, environ={**box.facts.environ, "WHO": "me"})
    box.write(
        onCreateCommand="echo ${localEnv:WHO}; exit 3", postStartCommand={"a": ["echo", "b c"]},
        remoteEnv={"A": "b", "GONE": None}, features={"x": {}},
    )  # fmt: skip
    return box


def test_the_list(called: Container, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hooks"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "onCreate       waiting", "postStart      waiting",
    ]  # fmt: skip
    called.start()
    assert main(["hooks", "list"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("onCreate       failed in ")
    assert first.endswith(", exit code 3: echo me; exit 3 ended with code 3")
    assert second == "postStart      skipped: hooks:onCreate failed"


@pytest.mark.parametrize("action", ["list", "show"])
def test_that_there_are_none_is_said(
    action: str, box: Container, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings_context, "load", lambda: box.context)
    assert main(["hooks", action]) == 0
    assert capsys.readouterr().out == f"there are no hooks in {box.folder}\n"


def test_what_they_run(called: Container, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hooks", "show"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{called.folder / FILE} (trust: trusted)",
        "onCreate       echo me; exit 3",
        "postStart:a    ['echo', 'b c']",
        "A=b",
        "unset GONE",
        "features has no effect: the image is already built (bake them into the image)",
    ]
    assert main(["hooks", "show", "postStart", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [hook["name"] for hook in document["hooks"]] == ["postStart"]
    assert document["environment"] == {"A": "b", "GONE": None}


def test_one_hook_can_be_run(called: Container, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hooks", "run", "onCreate"]) == 1
    called.write(onCreateCommand="echo hello")
    assert main(["hooks", "run", "onCreate"]) == 0
    assert "hello" in capsys.readouterr().out
    assert main(["hooks", "run", "postCreate"]) == 2
    assert "there are: onCreate" in capsys.readouterr().err


def test_an_untrusted_hook_is_not_run_by_hand(
    called: Container, capsys: pytest.CaptureFixture[str]
) -> None:
    called.variables["DEV8_TRUST"] = "ask"
    assert main(["hooks", "run"]) == 1
    assert "devcopilot trust" in capsys.readouterr().err
    assert not (called.folder / "said").exists()
