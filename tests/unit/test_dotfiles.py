"""Dotfiles: what of them runs or is linked, when again, and what becomes of what is there."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from agent.github.published import token_path
from agent.machine.errors import AgentError
from agent.machine.light import runtime
from agent.machine.light.escaping import escape_line
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import plan
from agent.machine.planning.resources import Edit, File, Resource
from agent.machine.records import unit_record
from agent.machine.records.unit_record import Record
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units.dotfiles import kind
from agent.units.dotfiles.links import link_all
from agent.units.dotfiles.script import SCRIPTS
from agent.units.setup import Setup
from tests.unit.test_hooks import Silent
from tests.worlds.git_host import GitHost, serve
from tests.worlds.machine import make_facts
from tests.worlds.needs import need
from tests.worlds.waiting import wait_until

SECRET = "ghp_0123456789abcdefghij"


class Box:
    """A home whose dotfiles lie in a folder of the same machine."""

    def __init__(self, root: Path) -> None:
        self.files = root / "mine"
        self.files.mkdir()
        self.facts = make_facts(root, DEV8_RUNTIME_DIR=str(root / "runtime"), LANG="C.UTF-8")
        self.home = self.facts.home
        self.variables = {"DEV8_DOTFILES": str(self.files)}

    def write(self, name: str, text: str = "", mode: int = 0o644) -> None:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def script(self, text: str, name: str = "install.sh") -> None:
        self.write(name, f"#!/bin/sh\n{text}\n", 0o755)

    def make(self, order: dict[str, str] | None = None) -> Setup:
        context = Context(self.variables, Settings.from_environ(self.variables), self.facts)
        return Setup(context, (kind.KIND,), Silent(), order)

    def start(self) -> Record:
        runtime.clear(str(self.facts.runtime))
        self.make().run()
        return self.record

    @property
    def record(self) -> Record:
        found = unit_record.read(self.facts, "dotfiles")
        assert found
        return found

    def log(self) -> str:
        return Path(self.record.log).read_text()

    def said(self) -> list[str]:
        path = self.home / "said"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


# --- the script ---


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_name_of_a_script(box: Box, name: str) -> None:
    box.script("echo $0 >>~/said; pwd >>~/said; touch .x", name)
    assert str(box.start().state) == "done"
    assert box.said() == [f"./{name}", str(box.files)]
    assert not (box.home / ".x").exists(), "nothing is linked where a script runs"


@pytest.mark.parametrize(("first", "second"), list(pairwise(SCRIPTS)))
def test_of_two_the_earlier_runs(box: Box, first: str, second: str) -> None:
    box.script("echo first >>~/said", first)
    box.script("echo second >>~/said", second)
    box.start()
    assert box.said() == ["first"]


@pytest.mark.parametrize("text", ["echo plain >>~/said\n", "#!/bin/sh\necho plain >>~/said\n"])
def test_a_script_without_the_right_to_be_executed(box: Box, text: str) -> None:
    box.write("install.sh", text, 0o644)
    assert str(box.start().state) == "done"
    assert box.said() == ["plain"]


def test_a_script_that_fails_is_the_last_that_is_tried(box: Box) -> None:
    box.script("echo it is broken; exit 3")
    box.script("echo second >>~/said", "setup.sh")
    box.write(".vimrc")
    found = box.start()
    assert (str(found.state), found.exit) == ("failed", 3)
    assert found.reason == "install.sh ended with code 3"
    assert "devcopilot log dotfiles" in found.hint
    assert "it is broken" in box.log()
    assert box.said() == []
    assert not (box.home / ".vimrc").exists()


def test_a_script_without_end_is_ended_with_its_group(box: Box) -> None:
    box.variables["DEV8_DOTFILES_TIMEOUT"] = "0.3s"
    box.script("sleep 600 & echo $! >~/said; wait")
    found = box.start()
    assert str(found.state) == "timeout"
    assert "DEV8_DOTFILES_TIMEOUT" in found.hint
    (pid,) = box.said()
    stat = Path(f"/proc/{pid}/stat")
    wait_until(lambda: not stat.exists() or ") Z" in stat.read_text(), "it is gone")


def test_a_command_instead(box: Box) -> None:
    box.script("echo script >>~/said")
    box.variables["DEV8_DOTFILES_COMMAND"] = "sh -c 'echo command >>~/said; pwd >>~/said'"
    box.start()
    assert box.said() == ["command", str(box.files)]


def test_a_script_sees_no_secret_and_reads_nothing(box: Box) -> None:
    box.script("env >~/env; read line || echo end >>~/said; echo " + SECRET)
    (box.facts.runtime / runtime.SECRETS / "GITHUB_TOKEN").write_text(SECRET)
    box.make().run()
    environ = (box.home / "env").read_text()
    assert box.said() == ["end"]
    assert "DEVCOPILOT=true" in environ
    assert SECRET not in environ
    assert SECRET not in box.log()
    assert not any(name in environ for name in ("CODESPACES=", "REMOTE_CONTAINERS=", "CODER="))


# --- when again ---


def test_once_is_enough(box: Box) -> None:
    box.script("echo once >>~/said")
    box.start()
    assert str(box.start().state) == "done"
    assert box.said() == ["once"]
    box.make({"dotfiles": ""}).run()
    assert box.said() == ["once", "once"]


def test_a_failure_is_tried_again_at_the_next_start(box: Box) -> None:
    box.script("echo try >>~/said; test -e ~/good")
    box.start()
    (box.home / "good").touch()
    assert str(box.start().state) == "done"
    assert box.said() == ["try", "try"]


def test_an_interrupted_run_is_done_again(box: Box) -> None:
    box.script("echo try >>~/said; test -e ~/good || sleep 600")
    setup = box.make()
    thread = threading.Thread(target=setup.run)
    thread.start()
    wait_until(lambda: box.said() == ["try"], "the script runs")
    setup.stop()
    thread.join(30)
    (box.home / "good").touch()
    assert str(box.start().state) == "done"
    assert "the run before was interrupted" in box.log()


def test_another_command_is_another_work(box: Box) -> None:
    box.script("echo script >>~/said")
    box.start()
    box.variables["DEV8_DOTFILES_COMMAND"] = "sh -c 'echo command >>~/said'"
    box.start()
    assert box.said() == ["script", "command"]


def test_a_missing_folder_is_named(box: Box) -> None:
    box.variables["DEV8_DOTFILES"] = "/nowhere/at/all"
    assert box.start().reason == "there is no folder /nowhere/at/all"


# --- links ---


def test_what_begins_with_a_dot_is_linked(box: Box) -> None:
    wanted = (".bashrc", ".gitconfig", ".gitignore_global", ".config/nvim/init.lua")
    others = (
        "README.md",
        ".git/config",
        ".github/x",
        ".gitmodules",
        ".gitignore",
        ".gitattributes",
    )
    for name in (*wanted, *others):
        box.write(name, name)
    found = box.start()
    assert str(found.state) == "done"
    linked = {path.name for path in box.home.iterdir() if path.is_symlink()}
    assert linked == {".bashrc", ".gitconfig", ".gitignore_global", ".config"}
    assert (box.home / ".config/nvim/init.lua").read_text() == ".config/nvim/init.lua"


def test_what_was_there_moves_aside_once(box: Box) -> None:
    box.write(".bashrc", "new")
    (box.home / ".bashrc").write_text("old")
    box.start()
    assert (box.home / ".bashrc").read_text() == "new"
    assert (box.home / ".bashrc.before-dotfiles").read_text() == "old"
    assert f"moved aside: {box.home}/.bashrc.before-dotfiles" in box.log()
    before = sorted(box.home.rglob("*"))
    assert link_all(box.files, box.home).made == 0
    assert sorted(box.home.rglob("*")) == before
    (box.home / ".bashrc").unlink()
    (box.home / ".bashrc").write_text("mine again")
    link_all(box.files, box.home)
    assert (box.home / ".bashrc.before-dotfiles").read_text() == "old"
    assert (box.home / ".bashrc.before-dotfiles.2").read_text() == "mine again"


def test_folders_that_are_there_stay(box: Box) -> None:
    box.write(".config/nvim/init.lua", "new")
    box.write(".config/git/config", "new")
    box.write(".ssh", "a file, where the home has a folder")
    (box.home / ".config/gh").mkdir(parents=True)
    (box.home / ".config/gh/hosts.yml").write_text("login")
    (box.home / ".config/git").mkdir()
    (box.home / ".ssh").mkdir()
    box.start()
    assert (box.home / ".config/gh/hosts.yml").read_text() == "login"
    assert (box.home / ".config/nvim").is_symlink()
    assert (box.home / ".config/git/config").is_symlink()
    assert not (box.home / ".config").is_symlink()
    assert (box.home / ".ssh.before-dotfiles").is_dir()


def test_the_agent_never_writes_into_dotfiles(box: Box) -> None:
    """A token that gh's login holds would be in the next push."""
    for name in (".config/gh/hosts.yml", ".claude.json", ".same"):
        box.write(name, "{}")
    box.start()
    facts = make_facts(box.home.parent)
    facts = type(facts)(**{**vars(facts), "dotfiles": box.files})
    wanted: list[Resource] = [
        Edit(box.home / ".config/gh/hosts.yml", lambda _: SECRET.encode()),
        Edit(box.home / ".config/gh/new.yml", lambda _: SECRET.encode()),
        File(box.home / ".claude.json", b"ours", adopt=True),
        Edit(box.home / ".same", lambda present: present, mode=0o644),
        File(box.home / ".other", b"ours"),
    ]
    planned = plan("step", wanted, facts, Ledger())
    assert [action.path.name for action in planned.actions] == [".other"]
    assert [problem.message.split()[1] for problem in planned.problems] == [
        str(box.home / name)
        for name in (".config/gh/hosts.yml", ".config/gh/new.yml", ".claude.json")
    ]
    assert {problem.level for problem in planned.problems} == {"info"}


# --- as if somebody hostile had made them ---


def list_all(folder: Path) -> dict[str, str]:
    """Return each path below a folder, with where it leads or what it holds."""
    return {
        os.fsdecode(os.fsencode(path.relative_to(folder))): str(path.readlink())
        if path.is_symlink()
        else path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }  # fmt: skip


def test_links_of_any_kind_are_linked_and_not_followed(box: Box, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (box.home / ".config").mkdir()
    (box.home / ".config/own").write_text("own")
    for name, target in ((".out", outside), (".config", outside), (".up", Path("../..")),
                         (".loop", Path(".loop")), (".gone", Path("/nonexistent")),
                         ("install.sh", Path("/nonexistent")), ("setup", outside)):  # fmt: skip
        (box.files / name).symlink_to(target)
    before = list_all(box.files), list_all(outside)
    assert str(box.start().state) == "done"
    assert (list_all(box.files), list_all(outside)) == before
    for name in (".out", ".up", ".loop", ".gone", ".config"):
        assert (box.home / name).readlink() == box.files / name
    assert (box.home / ".config.before-dotfiles/own").read_text() == "own"
    assert link_all(box.files, box.home).made == 0


@pytest.mark.parametrize("name", [".-rf", ".a b", ".a\nERROR b", ".\x1b[2J", ".\udcff", ".'$(id)"])
def test_names_of_any_kind(box: Box, name: str) -> None:
    box.write(name, "new")
    (box.home / name).write_text("old")
    assert str(box.start().state) == "done"
    assert (box.home / name).read_text() == "new"
    assert (box.home / f"{name}.before-dotfiles").read_text() == "old"
    assert f"moved aside: {escape_line(str(box.home / name))}.before-dotfiles\n" in box.log()


@pytest.mark.parametrize("form", ["file", "folder", "link"])
@pytest.mark.parametrize("name", [".dotfiles", ".local", ".local/state"])
def test_the_dotfiles_and_the_agents_state_stay_where_they_are(
    box: Box, name: str, form: str
) -> None:
    """A link to itself would be all that is left of them."""
    box.files.rename(box.home / ".dotfiles")
    box.files = box.home / ".dotfiles"
    box.variables["DEV8_DOTFILES"] = str(box.files)
    own = box.files / name
    own.parent.mkdir(parents=True, exist_ok=True)
    if form == "folder":
        box.write(f"{name}/inner", "new")
    elif form == "link":
        own.symlink_to("/nonexistent")
    else:
        own.write_text("new")
    box.write(".vimrc", "new")
    state = box.facts.state
    state.mkdir(parents=True, exist_ok=True)
    (state / "kept").write_text("kept")
    assert str(box.start().state) == "done"
    assert (box.home / ".vimrc").read_text() == "new"
    assert (state / "kept").read_text() == "kept"
    assert not box.files.is_symlink()
    assert not any((box.home / each).is_symlink() for each in (".local", ".local/state"))
    if form != "folder":
        assert f"a folder in use is there: {box.home / name}" in box.log()


def test_a_home_that_is_given_as_its_own_dotfiles_stays_as_it_is(box: Box, tmp_path: Path) -> None:
    (box.home / ".bashrc").write_text("mine")
    (tmp_path / "same").symlink_to(box.home)
    for given in (box.home, tmp_path / "same"):
        box.variables["DEV8_DOTFILES"] = str(given)
        assert str(box.start().state) == "done"
        assert (box.home / ".bashrc").read_text() == "mine"


def test_a_script_that_talks_without_end_fills_no_disk(box: Box) -> None:
    box.script("head -c 9000000 /dev/zero | tr '\\0' x | fold -w 900; echo end")
    assert str(box.start().state) == "done"
    assert Path(box.record.log).stat().st_size <= 2 << 20
    assert "end\n" in box.log()


def test_many_files_are_linked_in_one_go(box: Box) -> None:
    for number in range(5000):
        (box.files / f".file{number}").touch()
    assert str(box.start().state) == "done"
    assert box.record.reason == "5000 new links"


# --- from a host ---


class Hosted(Box):
    """A home whose dotfiles come from a host."""

    def __init__(self, root: Path, server: GitHost) -> None:
        super().__init__(root)
        self.server = server
        self.git("init", "-q", "-b", "main")
        self.variables["DEV8_DOTFILES"] = self.url("octo/mine")
        self.clone = self.home / ".dotfiles"

    def url(self, name: str) -> str:
        return f"{self.server.url}/{name}"

    def git(self, *words: str, stdin: str | None = None) -> str:
        return self.server.git(self.files, *words, stdin=stdin)

    def push(self, name: str = "octo/mine") -> str:
        """Publish what is written; return the commit."""
        bare = self.server.root / f"{name}.git"
        if not bare.exists():
            self.git("init", "-q", "--bare", "-b", "main", str(bare))
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "more")
        self.git("push", "-q", str(bare), "HEAD:main")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    with serve(tmp_path / "host") as server:
        yield Hosted(tmp_path, server)


def test_a_repository_is_cloned_and_its_script_runs_once(hosted: Hosted) -> None:
    hosted.script("echo run >>~/said")
    hosted.push()
    assert str(hosted.start().state) == "done"
    hosted.push()
    assert str(hosted.start().state) == "done"
    assert hosted.said() == ["run"]
    assert not list(hosted.home.glob(".dotfiles.partial-*"))


def test_submodules_are_there_before_the_script(hosted: Hosted) -> None:
    hosted.write(".plugin", "one")
    hosted.push("octo/plugin")
    (hosted.files / ".plugin").unlink()
    plugin = str(hosted.server.root / "octo/plugin.git")
    hosted.git("submodule", "add", "-q", plugin, "plugin")
    hosted.git("config", "--file", ".gitmodules", "submodule.plugin.url", hosted.url("octo/plugin"))
    hosted.script("cat plugin/.plugin >>~/said")
    hosted.push()
    assert (str(hosted.start().state), hosted.said()) == ("done", ["one"])


def test_a_dead_submodule_of_dotfiles_is_told(hosted: Hosted) -> None:
    commit = hosted.push()
    hosted.git("update-index", "--add", "--cacheinfo", f"160000,{commit},plugin")
    hosted.write(".gitmodules", f'[submodule "p"]\n\tpath = plugin\n\turl = {hosted.url("gone")}\n')
    hosted.script("echo run >>~/said")
    hosted.git("add", ".gitmodules", "install.sh")
    hosted.git("commit", "-q", "-m", "more")
    hosted.git("push", "-q", str(hosted.server.root / "octo/mine.git"), "HEAD:main")
    unit = hosted.start()
    assert (str(unit.state), hosted.said()) == ("done", ["run"])
    assert unit.reason.startswith("cannot fetch plugin: ")


def test_an_update_runs_the_script_only_when_something_came(hosted: Hosted) -> None:
    hosted.variables["DEV8_DOTFILES_UPDATE"] = "start"
    hosted.script("echo run >>~/said")
    hosted.push()
    hosted.start()
    hosted.start()
    assert hosted.said() == ["run"]
    commit = hosted.push()
    hosted.start()
    hosted.start()
    assert hosted.said() == ["run", "run"]
    assert hosted.server.git(hosted.clone, "rev-parse", "HEAD") == commit


def test_edits_of_the_user_refuse_an_update(hosted: Hosted) -> None:
    hosted.variables["DEV8_DOTFILES_UPDATE"] = "start"
    hosted.write(".vimrc", "one")
    hosted.push()
    hosted.start()
    (hosted.clone / ".vimrc").write_text("mine")
    hosted.write(".vimrc", "two")
    hosted.push()
    found = hosted.start()
    assert str(found.state) == "done"
    assert found.reason.startswith("not brought up to date: ")
    assert (hosted.clone / ".vimrc").read_text() == "mine"


def test_another_repository_moves_the_old_one_aside(hosted: Hosted) -> None:
    hosted.write(".vimrc", "one")
    hosted.push()
    hosted.start()
    (hosted.clone / ".vimrc").write_text("mine")
    hosted.write(".vimrc", "two")
    hosted.push("octo/other")
    hosted.variables["DEV8_DOTFILES"] = hosted.url("octo/other")
    assert str(hosted.start().state) == "done"
    assert (hosted.clone / ".vimrc").read_text() == "two"
    (old,) = hosted.home.glob(".dotfiles.2*")
    assert (old / ".vimrc").read_text() == "mine"


def test_a_public_repository_comes_with_a_bad_token(hosted: Hosted) -> None:
    helper = "!f() { echo username=x; echo password=bad; }; f"
    (hosted.home / ".gitconfig").write_text(f'[credential]\n\thelper = "{helper}"\n')
    hosted.write(".vimrc", "one")
    hosted.push()
    assert str(hosted.start().state) == "done"
    assert hosted.server.given == []


def test_a_private_repository_waits_for_a_token(hosted: Hosted) -> None:
    hosted.write(".vimrc", "one")
    hosted.push()
    hosted.server.token = SECRET
    found = hosted.start()
    assert str(found.state) == "waiting"
    assert "devcopilot login" in found.hint
    hosted.server.token = None
    hosted.make().run()
    assert str(hosted.record.state) == "waiting", "one try for each token"
    token_path(hosted.facts, hosted.server.name).write_text(f"{SECRET}\n\n\n\n\n")
    hosted.make().run()
    assert str(hosted.record.state) == "done"


def test_a_web_page_is_no_repository(hosted: Hosted) -> None:
    hosted.server.page = True
    found = hosted.start()
    assert str(found.state) == "failed"
    assert found.reason.endswith("answers with a web page")
    assert not hosted.clone.exists()


def test_a_branch(hosted: Hosted) -> None:
    hosted.write(".vimrc", "one")
    hosted.push()
    hosted.variables["DEV8_DOTFILES"] += "#nowhere"
    found = hosted.start()
    assert "there is no branch, tag or commit nowhere" in found.reason
    assert (hosted.clone / ".vimrc").read_text() == "one"


@pytest.mark.parametrize(
    "value",
    ["-x", "ext::sh -c id", "https://a:pw@github.com/a/b", "octo/demo depth=1", "file:///a", "x"],
)
def test_bad_values(value: str) -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({"DEV8_DOTFILES": value})
    (problem,) = caught.value.problems
    assert problem.message.startswith("DEV8_DOTFILES: cannot use ")
    assert "pw" not in str(problem)


def test_a_tree_that_git_refuses_is_told_and_nothing_is_kept(hosted: Hosted) -> None:
    hosted.push()
    blob = hosted.git("hash-object", "-w", "--stdin", stdin="")
    inner = hosted.git("mktree", stdin=f"100644 blob {blob}\tconfig\n")
    top = hosted.git("mktree", stdin=f"040000 tree {inner}\t.GIT\n")
    commit = hosted.git("commit-tree", "-m", "hostile", top)
    hosted.git("push", "-q", "-f", str(hosted.server.root / "octo/mine.git"), f"{commit}:main")
    found = hosted.start()
    assert str(found.state) == "failed"
    assert found.reason == "git refuses what is in this repository: invalid path '.GIT/config'"
    assert not hosted.clone.exists()
    assert not list(hosted.home.glob(".dotfiles.partial-*"))


# --- a full disk ---


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Have a small file system in a folder."""
    need(os.getuid() == 0, "needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True, timeout=60)


def leave_room(folder: Path, size: int) -> Path:
    """Fill a file system but for some bytes; return what fills it."""
    space = os.statvfs(folder)
    filling = folder / "filling"
    with filling.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - size)
    return filling


@pytest.mark.parametrize(
    ("room", "reason"),
    [
        (0, "No space left on device"),
        (1_500_000, "No space left on device"),
        (4_500_000, "unable to write file"),
    ],
    ids=["at the beginning", "while it comes", "while it is checked out"],
)
def test_dotfiles_that_fill_the_disk_leave_nothing_behind(
    hosted: Hosted, room: int, reason: str
) -> None:
    """The repository has 3 MB, twice: in .git and checked out."""
    hosted.write(".vimrc", "theirs")
    (hosted.files / ".bigrc").write_bytes(os.urandom(3_000_000))
    hosted.push()
    with mounted(hosted.home, "size=16m"):
        (hosted.home / ".vimrc").write_text("the user's")
        filling = leave_room(hosted.home, room)
        found = hosted.start()
        assert str(found.state) == "failed"
        assert reason in found.reason
        assert found.hint == "make room, then: devcopilot rerun dotfiles"
        assert sorted(path.name for path in hosted.home.iterdir()) == [".vimrc", "filling"]
        assert (hosted.home / ".vimrc").read_text() == "the user's"
        filling.unlink()
        assert str(hosted.start().state) == "done"
        assert (hosted.home / ".vimrc").read_text() == "theirs"
        assert (hosted.home / ".vimrc.before-dotfiles").read_text() == "the user's"


def test_a_file_comes_back_where_no_link_can_be_made(box: Box) -> None:
    box.write(".vimrc", "theirs")
    with mounted(box.home, "size=1m,nr_inodes=16"):
        (box.home / ".vimrc").write_text("the user's")
        with suppress(OSError):
            for number in range(16):
                (box.home / f"filling-{number}").touch()
        with pytest.raises(OSError, match="No space left"):
            link_all(box.files, box.home)
        assert (box.home / ".vimrc").read_text() == "the user's"
        assert not (box.home / ".vimrc.before-dotfiles").exists()


def test_what_a_program_makes_in_between_is_not_lost(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.write(".vimrc", "theirs")
    (box.home / ".vimrc").write_text("old")
    link = Path.symlink_to

    def come_in_between(place: Path, target: Path) -> None:
        place.write_text("just written")
        link(place, target)

    monkeypatch.setattr(Path, "symlink_to", come_in_between)
    with pytest.raises(FileExistsError):
        link_all(box.files, box.home)
    assert (box.home / ".vimrc").read_text() == "just written"
    assert (box.home / ".vimrc.before-dotfiles").read_text() == "old"
