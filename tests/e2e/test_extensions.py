"""Extensions are installed by the real code-server, from a gallery or from files."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.containers import MVP, Container, Recipe, docker, running
from tests.worlds.vsix import make_vsix
from tests.worlds.waiting import wait_until

PORT = 9123
GALLERY = json.dumps({"serviceUrl": f"http://127.0.0.1:{PORT}/gallery"})
BROWSER = "/home/dev8/.local/share/code-server/extensions"
REMOTE = "/home/dev8/.vscode-server/extensions"
OURS = "devcopilot."


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What is mounted: the gallery's program, and a folder of extensions."""
    tmp_path.chmod(0o755)
    here = Path(__file__).parent
    for path in (here / "gallery.py", here.parent / "worlds/vsix.py"):
        shutil.copy(path, tmp_path)
    (tmp_path / "vsix").mkdir()
    (tmp_path / "vsix/one.vsix").write_bytes(make_vsix("octo.offline", "2.0.0"))
    return tmp_path


@contextmanager
def workspace(files: Path, *known: str, **variables: str) -> Iterator[Container]:
    """A workspace without network, in which a gallery knows these extensions."""
    words = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    options = ("--network", "none", "-v", f"{files}:/files:ro", *words)
    gallery = ("python3", "/files/gallery.py", str(PORT), *known)
    with running(Recipe(MVP, options, gallery, published=False)) as box:
        box.wait_ready()
        yield box


def wait(box: Container) -> int:
    return box.call("devcopilot", "wait", "--for", "extensions", "--timeout", "110s").returncode


def read_list(box: Container, folder: str) -> dict[str, str]:
    rows = json.loads(box.execute("cat", f"{folder}/extensions.json"))
    return {row["identifier"]["id"]: row["version"] for row in rows}


def units(box: Container) -> dict[str, Any]:
    return {row["name"]: row for row in box.status()["units"]}


def test_a_bad_one_costs_no_other_and_both_editors_have_them(files: Path) -> None:
    variables = {
        "DEV8_EXTENSIONS": "octo.good nobody.nothing", "DEV8_EXTENSIONS_GALLERY": GALLERY,
        "DEV8_EXTENSIONS_DIR": "/files/vsix",
    }  # fmt: skip
    with workspace(files, "octo.good", **variables) as box:
        assert wait(box) == 1
        found = units(box)
        assert found["extensions:nobody.nothing"]["state"] == "failed"
        assert "gallery does not have it" in found["extensions:nobody.nothing"]["reason"]
        assert found["extensions:octo.good"]["state"] == "done"
        wanted = {"octo.good": "1.0.0", "octo.offline": "2.0.0"}
        assert read_list(box, BROWSER) == wanted
        remote = read_list(box, REMOTE)
        assert {name: remote[name] for name in remote if not name.startswith(OURS)} == wanted
        rows = {row["name"]: row for row in json.loads(box.execute(
            "devcopilot", "extensions", "--json"))}  # fmt: skip
        assert (rows["octo.good"]["browser"], rows["octo.good"]["ssh"]) == ("1.0.0", "1.0.0")
        assert rows["nobody.nothing"]["state"] == "failed"
        assert box.execute("sh", "-c", f"cd {REMOTE}/octo.good-1.0.0* && ls main.js")
        environ = "tr '\\0' '\\n' </proc/$(pgrep -of code-server)/environ"
        assert f"EXTENSIONS_GALLERY={GALLERY}" in box.execute("sh", "-c", environ)


def test_files_need_no_network_and_the_next_start_no_node(files: Path) -> None:
    with workspace(files, DEV8_EXTENSIONS_DIR="/files/vsix") as box:
        assert wait(box) == 0
        assert "extensions has started" in box.logs()
        box.execute("code-server", "--uninstall-extension", "octo.offline")
        (files / "vsix/two.vsix").write_bytes(make_vsix("octo.second"))
        box.stop()
        box.start()
        box.wait_ready()
        assert wait(box) == 0
        found = units(box)
        assert found["extensions:one.vsix"]["state"] == "skipped"
        assert found["extensions:one.vsix"]["reason"] == "you removed it"
        assert read_list(box, BROWSER) == {"octo.second": "1.0.0"}
        box.stop()
        before = box.logs().count("extensions has started")
        box.start()
        box.wait_ready()
        assert wait(box) == 0
        assert box.logs().count("extensions has started") == before == 2
        assert box.call("devcopilot", "rerun", "extensions:one.vsix").returncode == 0
        assert read_list(box, BROWSER).keys() == {"octo.second", "octo.offline"}


def test_a_gallery_that_does_not_answer_is_asked_again(files: Path) -> None:
    variables = {"DEV8_EXTENSIONS": "octo.late", "DEV8_EXTENSIONS_GALLERY": GALLERY.replace(
        str(PORT), "9")}  # fmt: skip
    with workspace(files, **variables) as box:
        name = "extensions:octo.late"

        def waits() -> bool:
            unit = units(box).get(name, {})
            return bool(unit.get("state") == "waiting" and "gallery" in unit["reason"])

        wait_until(waits, "the first try")
        assert box.call("devcopilot", "wait", "--timeout", "0").returncode == 0
        wait_until(lambda: box.status()["jobs"]["setup"]["next"], "the next try")


def test_what_a_repository_recommends_waits_for_trust(files: Path) -> None:
    variables = {
        "DEV8_EXTENSIONS_FROM": "recommendations", "DEV8_EXTENSIONS": "-octo.unwanted",
        "DEV8_EXTENSIONS_GALLERY": GALLERY,
    }  # fmt: skip
    project = files / "project"
    (project / ".vscode").mkdir(parents=True)
    text = '// theirs\n{"recommendations": ["Octo.Good", "octo.unwanted",],}'
    (project / ".vscode/extensions.json").write_text(text)
    docker_options = {**variables, "WORKSPACE_DIR": "/files/project"}
    with workspace(files, "octo.good", "octo.unwanted", **docker_options) as box:
        wait_until(lambda: units(box).get("extensions", {}).get("hint"), "the question")
        unit = units(box)["extensions"]
        assert (unit["state"], unit["reason"]) == (
            "waiting", "the repository asks for octo.good"
        )  # fmt: skip
        assert "devcopilot trust" in unit["hint"]
        assert box.call("ls", BROWSER).stdout.split() in ([], ["extensions.json"])
        box.execute("devcopilot", "trust")
        assert wait(box) == 0
        assert read_list(box, BROWSER) == {"octo.good": "1.0.0"}


@pytest.mark.parametrize("value", ["{", "[]", '{"serviceUrl": 1}', '{"serviceUrl": "ftp://x"}'])
def test_a_gallery_that_is_none_ends_with_2(value: str) -> None:
    words = ("run", "--rm", "--network", "none", "-e", f"DEV8_EXTENSIONS_GALLERY={value}", MVP)
    with pytest.raises(Exception, match="exit status 2"):
        docker(*words)
