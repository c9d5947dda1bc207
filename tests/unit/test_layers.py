"""scripts/layers.py on an image made by hand: what a later layer hides is wasted, and only that."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from scripts.layers import find_waste, read_image


def pack(files: dict[str, bytes]) -> bytes:
    """Return an archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def find_waste_of(folder: Path, *layers: dict[str, bytes]) -> dict[str, int]:
    """Return the wasted bytes by path of an image with these layers."""
    history: list[dict[str, object]] = [{"created_by": "a layer"} for _ in layers]
    history.insert(1, {"created_by": "ENV A=b", "empty_layer": True})
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    path = folder / "image.tar"
    path.write_bytes(
        pack(
            {
                **{name: pack(layer) for name, layer in zip(names, layers, strict=True)},
                "config.json": json.dumps({"history": history}).encode(),
                "manifest.json": json.dumps([{"Config": "config.json", "Layers": names}]).encode(),
            }
        )
    )
    return dict(find_waste(read_image(str(path))))


BELOW = {"etc/a": b"1", "etc/b": b"22", "opt/x/c": b"333", "opt/xy": b"4444"}


@pytest.mark.parametrize(
    ("above", "wasted"),
    [
        ({"etc/new": b"1"}, {}),
        ({"etc/a": b"anew"}, {"etc/a": 1}),
        ({"etc/.wh.b": b""}, {"etc/b": 2}),
        ({"opt/.wh.x": b""}, {"opt/x/c": 3}),
        ({"opt/x/.wh..wh..opq": b"", "opt/x/d": b"5"}, {"opt/x/c": 3}),
        ({".wh.etc": b"", "etc/a": b"1"}, {"etc/a": 1, "etc/b": 2}),
    ],
    ids=["added", "rewritten", "deleted", "folder deleted", "folder emptied", "folder made anew"],
)
def test_what_a_later_layer_hides_is_wasted(
    tmp_path: Path, above: dict[str, bytes], wasted: dict[str, int]
) -> None:
    assert find_waste_of(tmp_path, BELOW, above) == wasted


def test_each_time_it_is_hidden_counts(tmp_path: Path) -> None:
    again = {"etc/a": b"55555"}
    assert find_waste_of(tmp_path, BELOW, again, {"etc/.wh.a": b""}) == {"etc/a": 1 + 5}
