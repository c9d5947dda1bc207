"""The job of init that takes a sample each 30 s: `python -I -S job.py`, in a copy of init.

It costs 9 ms of processor there, and 25 with the start of Python. So it loads nothing that is not
light, and makes do without `site`; tests/unit/test_architecture.py holds it to that.
"""

import gc
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def main() -> int:
    """Take a sample, and act on it."""
    from agent.machine.light import runtime  # noqa: PLC0415 - below ROOT
    from agent.observe.activity import idle  # noqa: PLC0415

    return idle.run(runtime.locate(os.environ, os.getuid()))


if __name__ == "__main__":
    gc.disable()
    sys.path.insert(0, ROOT)
    sys.exit(main())
