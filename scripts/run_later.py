#!/usr/bin/env python3
"""Run an OCI runtime whose containers live later: run_later.py LATER LIBRARY RUNTIME WORD...

LATER is what libfaketime takes: 36h; 0 leaves the containers alone. LIBRARY is libfaketime's. It is
mounted in /dev, which is no part of what a container leaves behind, and preloaded by every program
that is linked dynamically.
https://github.com/opencontainers/runtime-spec/blob/main/config.md
"""

import json
import os
import sys
from pathlib import Path

PLACE = "/dev/later.so"


def set_clock(bundle: Path, later: str, library: str) -> None:
    """Have the container of a bundle live later."""
    path = bundle / "config.json"
    config = json.loads(path.read_text())
    config["process"]["env"] += [
        f"LD_PRELOAD={PLACE}",
        f"FAKETIME=+{later}",
        "NO_FAKE_STAT=1",  # the times of files are the kernel's
        "FAKETIME_DONT_FAKE_MONOTONIC=1",  # what waits for a while goes on as it is used to
    ]
    options = ["bind", "ro"]
    config["mounts"].append(
        {"destination": PLACE, "type": "bind", "source": library, "options": options}
    )
    path.write_text(json.dumps(config))


def main() -> None:
    """Change what is about to be created, and hand on to the runtime."""
    later, library, runtime, *words = sys.argv[1:]
    if later != "0" and "create" in words:
        set_clock(Path(words[words.index("--bundle") + 1]), later, library)
    os.execv(runtime, [runtime, *words])  # noqa: S606


if __name__ == "__main__":
    main()
