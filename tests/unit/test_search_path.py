"""PATH: what people install in their home comes before what the image has, in every place."""

import subprocess
from pathlib import Path

import pytest

from agent.machine.places import order_path

PROFILE = Path(__file__).parent.parent.parent / "docker/base/etc/profile.d/devcopilot.sh"
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (SYSTEM, SYSTEM),
        (f"{SYSTEM}:/h/.local/bin:/h/.cargo/bin", f"/h/.local/bin:/h/.cargo/bin:{SYSTEM}"),
        (f"/h/.local/bin:{SYSTEM}", f"/h/.local/bin:{SYSTEM}"),
        (f"{SYSTEM}:/home/other/bin:/hh/bin", f"{SYSTEM}:/home/other/bin:/hh/bin"),
        ("", ""),
    ],
)
def test_folders_of_the_home_come_first(given: str, wanted: str) -> None:
    assert order_path(given, Path("/h")) == wanted
    assert order_path(wanted, Path("/h")) == wanted


def read_profile(shell: str, home: Path, *variables: str) -> str:
    """Return the PATH that a shell of dev8 exports after the image's profile."""
    folder = home / "fake"
    folder.mkdir(exist_ok=True)
    (folder / "id").write_text("#!/bin/sh\necho 1000\n")
    (folder / "id").chmod(0o755)
    script = f"id() {{ {folder}/id; }}; . {PROFILE}; exec /usr/bin/printenv PATH"
    done = subprocess.run(
        ["env", "-i", f"HOME={home}", *variables, shell, "-c", script],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash"])
@pytest.mark.parametrize(
    "given",
    [
        "{s}:{h}/.local/bin:{h}/.bun/bin:{h}/.cargo/bin",
        "{h}/.local/bin:{s}:{h}/.bun/bin:{h}/.cargo/bin",
        "{s}",
        "{h}/.local/bin",
        "{s}:{h}/.cargo/bin",
        "/opt/x:{h}/.local/bin:/usr/bin:/bin",
    ],
)
def test_a_shell_orders_it_as_the_agent_does(shell: str, given: str, tmp_path: Path) -> None:
    path = given.format(s=SYSTEM, h=tmp_path)
    assert read_profile(shell, tmp_path, f"PATH={path}") == order_path(path, tmp_path)


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash"])
def test_a_shell_that_got_none_exports_the_images(shell: str, tmp_path: Path) -> None:
    found = read_profile(shell, tmp_path, "GOPATH=/go", "MY_PATH=/x").split(":")
    assert found[:4] == ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]
    assert "/home/dev8/.local/bin" in found
