"""Repositories that somebody hostile has made, cloned with the real git and git LFS."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent.machine.records.unit_record import Record
from agent.settings.everything import Settings
from agent.workspace import git
from tests.contract.clones import CREDENTIALS, FILES, TOKEN, Place, point_to
from tests.worlds.authority import Authority, write_files
from tests.worlds.git_host import GitHost, serve
from tests.worlds.needs import need


def test_a_dead_or_hostile_submodule_costs_neither_the_clone_nor_the_others(
    place: Place, tmp_path: Path
) -> None:
    planted = tmp_path / "planted"
    place.host.add("octo/sub", {"sub.txt": "1"})
    tree = place.host.add("octo/main", FILES)
    commit = place.host.git(place.host.root / "trees/octo/sub", "rev-parse", "HEAD")
    modules = "".join(
        f'[submodule "{name}"]\n\tpath = {name}\n\turl = {url}\n'
        for name, url in (
            ("good", f"{place.host.url}/octo/sub.git"),
            ("dead", f"{place.host.url}/octo/gone.git"),
            ("evil", f"ext::sh -c touch% {planted}"),
            ("local", f"file://{place.host.root}/octo/sub.git"),
        )
    )
    for name in ("good", "dead", "evil", "local"):
        place.host.git(tree, "update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")
    (tree / ".gitmodules").write_text(modules)
    place.host.git(tree, "add", ".gitmodules")
    place.host.git(tree, "commit", "-q", "-m", "modules")
    place.host.git(tree, "push", "-q", "origin", "HEAD:refs/heads/main")
    units = place.start("HOST/octo/main")
    assert units["clone:main"].state == "done"
    assert units["clone:main:submodules"].state == "failed"
    assert "and 2 more" in units["clone:main:submodules"].reason
    assert (place.folder / "main/good/sub.txt").exists()
    assert not planted.exists()


def test_no_setting_that_comes_with_a_repository_runs_anything(
    place: Place, tmp_path: Path
) -> None:
    planted = tmp_path / "planted"
    touch = f"touch {planted}"
    place.host.add("octo/sub", {"sub.txt": "sub\n"})
    tree = place.host.add("octo/main", {
        ".gitattributes": "*.bin filter=lfs\n*.txt diff=evil merge=evil\n",
        "a.bin": point_to(b"content"), "b.txt": "1",
        ".lfsconfig": f"[lfs]\n\turl = {place.host.url}/octo/main.git/info/lfs\n"
                      "\tstandalonetransferagent = evil\n"
                      f'[lfs "customtransfer.evil"]\n\tpath = /bin/sh\n\targs = -c "{touch}"\n'
                      f'[credential]\n\thelper = "!{touch}"\n[core]\n\tfsmonitor = {touch}\n',
        ".envrc": f"{touch}\n", ".vscode/settings.json": "{}", ".mcp.json": "{}",
    })  # fmt: skip
    commit = place.host.git(tree.parent / "sub", "rev-parse", "HEAD")
    for name in ("runs", "out"):
        place.host.git(tree, "update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")
    (tree / ".gitmodules").write_text(
        f'[submodule "runs"]\n\tpath = runs\n\turl = {place.host.url}/octo/sub.git\n'
        f"\tupdate = !{touch}\n"
        f'[submodule "../../out"]\n\tpath = out\n\turl = {place.host.url}/octo/sub.git\n'
    )
    (tree / "secret").symlink_to(place.facts.home / ".gitconfig")
    place.host.git(tree, "add", ".gitmodules", "secret")
    place.host.git(tree, "commit", "-q", "-m", "hostile")
    place.host.git(tree, "push", "-q", "origin", "HEAD:refs/heads/main")
    units = place.start("HOST/octo/main")
    assert units["clone:main"].state == "done"
    assert not planted.exists()
    assert {path.name for path in place.folder.iterdir()} == {"main"}
    assert not (place.folder / "main/.git/out").exists()


def test_nothing_of_a_repository_runs(place: Place, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    touch = f"touch {planted}"
    config = CREDENTIALS % (tmp_path / "token") + (
        f'[filter "evil"]\n\tsmudge = "sh -c \'{touch}\'"\n\trequired = true\n'
        f"[core]\n\tfsmonitor = {touch}\n[init]\n\ttemplateDir = {tmp_path}/template\n"
    )
    (place.facts.home / ".gitconfig").write_text(config)
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\n{touch}\n")
        (hooks / name).chmod(0o755)
    place.host.commit(place.host.root / "trees/octo/demo", {
        ".gitattributes": "*.txt filter=evil\n", "a.txt": "1", "--force": "1",
    })  # fmt: skip
    unit = place.start("HOST/octo/demo")["clone:demo"]
    assert unit.state == "done", unit
    assert not planted.exists()
    assert (place.folder / "demo/--force").exists()


def test_no_clone_leaves_the_workspace_by_a_link(place: Place, tmp_path: Path) -> None:
    place.folder.mkdir()
    (place.folder / "out").symlink_to(tmp_path)
    unit = place.start("HOST/octo/demo dir=out/x")["clone:out.x"]
    assert (unit.state, place.host.asked) == ("failed", [])
    assert "leads out of the workspace" in unit.reason
    assert not (tmp_path / "x").exists()


def plant(host: GitHost, tree: Path, folder: str) -> None:
    """Commit a file `config` in a folder of any name, which no git would add."""
    blob = host.git(tree, "hash-object", "-w", "README.md")
    inner = host.make_tree(tree, f"100644 blob {blob}\tconfig")
    top = host.make_tree(tree, f"100644 blob {blob}\tREADME.md", f"040000 tree {inner}\t{folder}")
    commit = host.git(tree, "commit-tree", "-m", "hostile", top)
    host.git(tree, "push", "-q", "--force", "origin", f"{commit}:refs/heads/main")


OURS = (".git", ".GIT", ".git ", ".g\u200cit", "..", "GIT~1")
"""Names that a file system may take for .git, or that lead out of the tree."""


@pytest.mark.parametrize(
    ("folder", "entry", "checked"),
    [
        *((folder, "HOST/octo/demo", False) for folder in OURS),
        (".GIT", "HOST/octo/demo#main", False),
        (".GIT", "HOST/octo/demo dir=.", False),
        (".GIT", "HOST/octo/demo", True),
    ],
)
def test_a_folder_that_would_be_gits_own_is_named_and_nothing_is_kept(
    place: Place, folder: str, entry: str, checked: bool
) -> None:
    if checked:
        with (place.facts.home / ".gitconfig").open("a") as file:
            file.write("[fetch]\n\tfsckObjects = true\n")
    plant(place.host, place.host.root / "trees/octo/demo", folder)
    unit = place.start(entry)["clone:demo"]
    assert unit.state == "failed"
    assert unit.reason.startswith("git refuses what is in this repository: ")
    assert checked or f"{folder}/config" in unit.reason
    again = "then: devcopilot rerun clone:demo"
    assert unit.hint == f"nothing of it was kept; ask its owner to fix that, {again}"
    assert not list(place.folder.iterdir())


@dataclass(frozen=True)
class Elsewhere:
    """A workspace whose repository keeps its large files on another host, over TLS both."""

    place: Place
    other: GitHost

    def start(self) -> Record:
        """Clone with the agent's own settings of git; return the unit of the large files."""
        hosts = [self.place.host.name, self.other.name]
        config = git.render_config(Settings.from_environ({}), hosts, self.place.facts.runtime)
        (self.place.facts.home / ".gitconfig").write_text(config)
        units = self.place.start("HOST/octo/demo")
        assert units["clone:demo"].state == "done", units["clone:demo"]
        return units["clone:demo:lfs"]


@pytest.fixture
def elsewhere(place: Place, tmp_path: Path) -> Iterator[Elsewhere]:
    need(shutil.which("git-lfs"), "needs git-lfs")
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.own.certificate)
    write_files(tmp_path, authority.sign("localhost"))
    trust = {"GIT_SSL_CAINFO": str(tmp_path / "ca.pem")}
    place.facts = replace(place.facts, environ={**place.facts.environ, **trust})
    with serve(tmp_path / "other") as other:
        place.host.use_tls(tmp_path / "server.pem", "localhost")
        other.use_tls(tmp_path / "server.pem", "127.0.0.1")
        place.host.token = TOKEN
        place.give_token(TOKEN)
        other.large[hashlib.sha256(b"content").hexdigest()] = b"content"
        place.host.commit(place.host.root / "trees/octo/demo", {
            ".gitattributes": "*.bin filter=lfs\n", "a.bin": point_to(b"content"),
            ".lfsconfig": f"[lfs]\n\turl = {other.url}/octo/demo.git/info/lfs\n",
        })  # fmt: skip
        yield Elsewhere(place, other)


def test_another_host_that_lfsconfig_names_gets_no_credential(elsewhere: Elsewhere) -> None:
    assert elsewhere.start().state == "done"
    assert (elsewhere.place.folder / "demo/a.bin").read_bytes() == b"content"
    assert len(elsewhere.place.host.given) > 0, "the host of the repository does get the token"
    assert elsewhere.other.given == []


def test_another_host_that_wants_a_credential_gets_none(elsewhere: Elsewhere) -> None:
    elsewhere.other.token = "its own"
    unit = elsewhere.start()
    assert unit.state == "failed"
    assert unit.reason.startswith(f"its large files are at {elsewhere.other.url}/octo/demo.git/")
    assert unit.hint.endswith("then: devcopilot rerun clone:demo:lfs")
    assert elsewhere.other.asked
    assert elsewhere.other.given == []


def test_a_host_that_refuses_its_own_token_for_large_files_is_asked_once_with_it(
    elsewhere: Elsewhere,
) -> None:
    """git LFS would ask without end."""
    elsewhere.other.token = "another"
    elsewhere.place.give_token("of the other host", elsewhere.other)
    unit = elsewhere.start()
    assert unit.state == "failed"
    assert elsewhere.other.url in unit.reason
    assert len(elsewhere.other.given) == 1
