"""A share that gives every file one mode and one owner, as Azure Files and other CIFS mounts do.

    with fixed_share(tmp_path, owner=1000) as home:
        docker("run", "-v", f"{home}:/home/dev8", …)

It is a real mount: bindfs (FUSE) answers 0777 whatever is asked for, and ignores chmod and chown.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.worlds.needs import need

MODE = 0o777


@contextmanager
def fixed_share(
    folder: Path, owner: int, mode: int = MODE, *, refuses: bool = False
) -> Iterator[Path]:
    """Mount an empty share below `folder`; skip the test where that cannot be done.

    `owner` is the uid that all files have. `refuses`: chmod is an error, and not just in vain.
    """
    if os.getuid() != 0 or not Path("/dev/fuse").exists():
        pytest.skip("only root can mount, with /dev/fuse")
    need(shutil.which("bindfs"), "there is no bindfs here")
    content, share = folder / "content", folder / "share"
    content.mkdir()
    share.mkdir()
    answer = "deny" if refuses else "ignore"
    options = (
        f"--perms={mode:04o}", *(f"--{what}-{answer}" for what in ("chmod", "chown", "chgrp")),
        f"--force-user={owner}", f"--force-group={owner}",
    )  # fmt: skip
    subprocess.run(["bindfs", *options, content, share], check=True, timeout=120)
    try:
        yield share
    finally:
        subprocess.run(["umount", "--lazy", share], check=True, timeout=120)
