"""A real fish, which reads what the image and the agent have for it in a workspace."""

import os
from pathlib import Path

from tests.worlds.containers import TOOLS, Container, docker

CONF = "/etc/fish/conf.d/devcopilot.fish"
RUNTIME = "/dev/shm/devcopilot-1000"
SCRIPTS = ("remote-env.fish", "certificates/profile.fish", "ssh/session.fish")


def run_fish(box: Container, folder: Path, script: str, *options: str) -> str:
    """Return what a login shell prints that runs `script`.

    `folder` becomes its runtime folder and gets what that of the workspace has for fish; `options`
    are the engine's. The shell has no environment of the workspace.
    """
    conf = folder / Path(CONF).name
    conf.write_text(box.execute("cat", CONF) + "\n")
    for name in SCRIPTS:
        found = box.call("cat", f"{RUNTIME}/{name}")
        if found.returncode == 0:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(found.stdout)
    mounts = ("-v", f"{folder}:/runtime", "-v", f"{conf}:{CONF}:ro")
    return docker(
        "run", "--rm", "--network", "none", "--user", str(os.getuid()), *mounts,
        "-e", "HOME=/tmp", "-e", "DEV8_RUNTIME_DIR=/runtime", *options,
        TOOLS, "fish", "--login", f"--command={script}",
    )  # fmt: skip
