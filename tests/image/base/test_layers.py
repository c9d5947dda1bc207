"""What lies in the layers: no waste, nothing left of making them, the agent's always the same."""

from collections.abc import Callable
from pathlib import Path

from testinfra.host import Host

from scripts.layers import find_waste, read_image
from tests.image.conftest import Image, inspect_image
from tests.worlds.builds import build_target
from tests.worlds.containers import BASE, TAG, docker

MOST_WASTE = 0.01


def test_waste_is_small(image: Image, archive: Callable[[str], Path]) -> None:
    """Bytes that a later layer deletes or writes anew are in the image for nobody."""
    layers = read_image(str(archive(image.name)))
    total, waste = sum(layer.size for layer in layers), find_waste(layers)
    assert abs(total / 1e6 - image.megabytes) < 1
    assert waste.total() < MOST_WASTE * total, waste.most_common(10)


def test_no_cache_is_left(image: Image) -> None:
    """Looked for in a fresh container: nobody has worked in it yet."""
    folders = (
        "/var/cache/apt/archives/*.deb /var/cache/apt/*.bin /var/lib/apt/lists/*_* /root/.npm "
        "/root/.cache /root/.bun /home/dev8/.npm /home/dev8/.cache /tmp/* /var/tmp/*"
    )
    script = f"ls -d {folders} 2>/dev/null; find /var/log -type f -size +0"
    options = ("--rm", "--user", "0:0", "--entrypoint", "sh")
    assert docker("run", *options, image.name, "-c", script) == ""


def test_no_manual_is_left(root: Host) -> None:
    found = root.check_output(
        "find /usr/share/man /usr/share/info /usr/share/doc /usr/share/gtk-doc -xdev -type f "
        "! -name copyright ! -name dir -size +1k 2>/dev/null || true"
    )
    assert found == ""


def test_no_document_of_a_tool_is_left(root: Host) -> None:
    """Whole folders of them; small ones that a package brings are let be."""
    names = "-name docs -o -name doc -o -name man -o -name tests -o -name test"
    # botocore's is code, which writes the text of `aws help`.
    found = root.check_output(
        f"find /opt -xdev -type d \\( {names} \\) ! -path '*/botocore/docs' -prune "
        "-exec du -sk {} + | awk '$1 > 300'"
    )
    assert found == ""


def test_no_folder_is_left_in_the_root(root: Host) -> None:
    """What was mounted for a step of the build leaves the folder that it was mounted on."""
    known = "bin boot dev etc home media mnt opt proc root run sbin srv sys tmp usr var"
    found = root.check_output("find / -mindepth 1 -maxdepth 1 ! -name 'lib*' -printf '%f '")
    ours = {"backups", "workspace"}
    assert set(found.split()) - {".dockerenv"} == {*known.split(), *ours}
    assert root.check_output("find /mnt /media /srv -mindepth 1") == ""


def test_no_archive_but_of_compilers_is_left(root: Host) -> None:
    """Static libraries are for those who link programs, as people do with libc's and GCC's."""
    found = root.run(
        "find / -xdev -name '*.a' ! -path '/usr/lib/gcc/*' -print0 | "
        "xargs -0 --no-run-if-empty dpkg --search 2>&1"
    ).stdout
    packages = {line.partition(":")[0] for line in found.splitlines()}
    assert packages <= {"libc6-dev", "libcrypt-dev"}


def test_no_node_is_there_twice(image: Image, root: Host) -> None:
    """One that developers use, and the one that code-server pins."""
    found = root.run(
        "find / -xdev -type f -size +40M -name 'node*' ! -path '/proc/*' 2>/dev/null | sort"
    ).stdout.split()
    both = {"code-server": "/opt/code-server/node", "node": "/opt/node/bin/node"}
    assert found == [path for tool, path in both.items() if tool in image.variant.tools]
    assert root.run("find / -xdev -type d -path '*/node_modules/npm'").stdout.count("\n") <= 1


def test_agent_is_the_same_bit_for_bit_when_built_again() -> None:
    """Whoever builds the same commit gets the same layer, so that registries keep it once."""
    again = f"dev8-agent-again:{TAG}"
    build_target("base", "agent", again, AGAIN="yes")
    try:
        assert inspect_image(again).layers == inspect_image(f"dev8-agent:{TAG}").layers
    finally:
        docker("image", "rm", again)


def test_all_images_end_with_the_same_layer(image: Image) -> None:
    assert image.layers[-1] == inspect_image(BASE).layers[-1]
