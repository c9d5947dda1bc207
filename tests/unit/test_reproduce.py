"""The parts of scripts/reproduce.sh: what differs between two images is found and named."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scripts.differences import compare_images
from scripts.run_later import set_clock
from scripts.seal_image import seal_folder

TOP = Path(__file__).resolve().parents[2]
CONFIG = {
    "architecture": "amd64",
    "config": {"Hostname": "0123456789ab", "Cmd": ["/bin/bash"]},
    "container": "0123456789ab",
    "history": [{"created_by": "RUN date", "comment": "FROM sha256:0123456789ab"}],
}


def add_blob(folder: Path, content: bytes) -> dict[str, Any]:
    name = hashlib.sha256(content).hexdigest()
    (folder / name).write_bytes(content)
    return {"digest": f"sha256:{name}", "size": len(content)}


def make_image(folder: Path, *members: tuple[str, str, int], **config: Any) -> Path:
    """Write an image of one layer, whose members have a name, a content and a time."""
    folder.mkdir()
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for name, content, time in members:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), time
            archive.addfile(member, io.BytesIO(content.encode()))
    manifest = {
        "config": add_blob(folder, json.dumps(CONFIG | config).encode()),
        "layers": [add_blob(folder, layer.getvalue())],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_the_same_bytes_differ_in_nothing(tmp_path: Path) -> None:
    one, other = (make_image(tmp_path / name, ("etc/day", "1", 5)) for name in ("one", "other"))
    assert compare_images(one, other) == []


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ([("etc/day", "2", 5)], "etc/day: content "),
        ([("etc/day", "1", 6)], "etc/day: time 5 6"),
        ([("etc/day", "1", 5), ("var/log/x", "", 5)], "var/log/x: only in the second"),
        ([], "etc/day: only in the first"),
    ],
)
def test_a_file_that_differs_is_named(
    tmp_path: Path, members: list[tuple[str, str, int]], line: str
) -> None:
    one = make_image(tmp_path / "one", ("etc/day", "1", 5))
    other = make_image(tmp_path / "other", *members)
    title, found = compare_images(one, other)
    assert title == "layer 0: 1 files differ"
    assert found.strip().startswith(line)


def test_the_order_of_files_counts(tmp_path: Path) -> None:
    a, b = ("a", "", 5), ("b", "", 5)
    one, other = make_image(tmp_path / "one", a, b), make_image(tmp_path / "other", b, a)
    assert compare_images(one, other) == ["layer 0: the order of its files differ"]


def test_a_configuration_that_differs_is_shown(tmp_path: Path) -> None:
    one = make_image(tmp_path / "one")
    other = make_image(tmp_path / "other", architecture="arm64")
    assert compare_images(one, other) == ['configuration.architecture: "amd64" "arm64"']


def test_a_sealed_image_names_no_container_and_is_whole(tmp_path: Path) -> None:
    one = make_image(tmp_path / "one")
    named = {"config": {"Hostname": "ba9876543210", "Cmd": ["/bin/bash"]}, "container": "ba98"}
    other = make_image(tmp_path / "other", **named)
    assert compare_images(one, other) != []
    for folder in (one, other):
        seal_folder(folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        content = (folder / manifest["config"]["digest"].removeprefix("sha256:")).read_bytes()
        assert manifest["config"] == add_blob(folder, content)
        assert json.loads(content)["config"] == {"Cmd": ["/bin/bash"]}
    assert compare_images(one, other) == []
    assert (one / "manifest.json").read_bytes() == (other / "manifest.json").read_bytes()


def test_the_script_ends_with_1_where_they_differ(tmp_path: Path) -> None:
    one, other = (make_image(tmp_path / name, (name, "", 5)) for name in ("one", "other"))
    done = subprocess.run(
        [sys.executable, TOP / "scripts/differences.py", one, other],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "error: the two builds differ\n")
    assert "one: only in the first" in done.stdout


def test_a_container_that_lives_later_leaves_nothing_in_its_layer(tmp_path: Path) -> None:
    """What is mounted below /dev is never a part of the root file system."""
    config = {"process": {"env": ["PATH=/bin"]}, "mounts": []}
    (tmp_path / "config.json").write_text(json.dumps(config))
    set_clock(tmp_path, "36h", "/lib/faketime.so")
    changed = json.loads((tmp_path / "config.json").read_text())
    assert {"PATH=/bin", "FAKETIME=+36h"} <= set(changed["process"]["env"])
    (mount,) = changed["mounts"]
    assert mount["source"] == "/lib/faketime.so"
    assert mount["destination"].startswith("/dev/")
