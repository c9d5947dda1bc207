"""Draw the workspace page of a made-up workspace, light and dark: the pictures in the README.

Run `.venv/bin/python scripts/page_picture.py docs/page` where there is a chromium.
"""

import math
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from agent.backup.history import Day  # noqa: E402 - of this clone
from agent.machine.records.unit_record import State  # noqa: E402
from agent.observe.activity.answer import Sign  # noqa: E402
from agent.observe.page.compose import Sources, compose  # noqa: E402
from agent.observe.page.render import render  # noqa: E402
from agent.observe.page.view import Gauge  # noqa: E402
from agent.tools import rows as tools  # noqa: E402
from tests.worlds.statuses import (  # noqa: E402
    make_activity,
    make_backup,
    make_service,
    make_status,
    make_token,
    make_unit,
    tell,
)  # fmt: skip

NOW = datetime.now(UTC)
WIDTH, HEIGHT = 1000, 1050
DAY, STEP = 86400, 300
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
           "--force-device-scale-factor=1")  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"


def make_series(base: float, swing: float) -> Iterator[tuple[float, float]]:
    """Yield a day in which somebody worked, once in the morning and once after lunch."""
    dice = random.Random(7)  # noqa: S311 - no secret
    for ago in range(DAY, -1, -STEP):
        busy = math.sin(math.pi * (1 - ago / DAY) * 3) ** 2 * (0.4 + 0.6 * dice.random())
        yield NOW.timestamp() - ago, base + swing * busy


def make_days() -> Iterator[Day]:
    """Yield the backups of four weeks, without those on weekends; one day nothing worked."""
    for back in range(29, -1, -1):
        day = NOW - timedelta(days=back)
        if day.weekday() < 5 and back != 12:
            yield Day(str(day.date()), 9, 0, 420_000_000 + (29 - back) * 6_000_000, 0, 4.1)
        elif back == 12:
            yield Day(str(day.date()), 0, 3)


def make_sources() -> Sources:
    """Return what the page is made from."""
    since = tell(hours=-2, minutes=-10)
    status = make_status(
        workspace="/workspace/shop", started=since, ready_seconds=0.6, problems=[],
        services=[make_service(since=since),
                  make_service(name="code-server", probe_port=8080, since=since),
                  make_service(name="web", probe_port=3000, since=tell(minutes=-41))],
        tokens=[make_token(grants="contents:write, pull_requests:write")],
        units=[make_unit(name="clone:shop", state=State.DONE, took=4.2, progress=None, reason=""),
               make_unit(name="hooks:postCreate", state=State.DONE, took=38, progress=None,
                         reason="")],
        tools=[tools.Row("claude", "installed", "~/.local/bin/claude"),
               tools.Row("copilot", "installed", "/usr/local/bin/copilot")],
        backups=[make_backup(target="s3", files=12_345, size=594_000_000,
                             verified=tell(hours=-4))],
        activity=make_activity(
            reason="Active: you typed in terminal pts/2 40 s ago. Would stop at 15:42.",
            signals=(Sign("terminal_input", tell(seconds=-40), "pts/2", counts=True, why=""),),
            leases=()),
    )  # fmt: skip
    gauges = (
        Gauge("CPU", "0.42", "of 2 cores", 0.21, [*make_series(0.03, 0.7)]),
        Gauge("Memory", "1.2 GB", "of 4.0 GB", 0.30, [*make_series(0.22, 0.3)]),
        Gauge("Disk", "41.3 GB", "of 100 GB", 0.41, [*make_series(0.41, 0.01)]),
    )
    return Sources("shop", status, NOW, days={"s3": [*make_days()]}, gauges=gauges)


def main(base: str) -> None:
    """Write BASE.png and BASE-dark.png."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_bytes(render(compose(make_sources())))
        for name, more in (("", ()), ("-dark", (DARK,))):
            size = f"--window-size={WIDTH},{HEIGHT}"
            picture = f"--screenshot={Path(f'{base}{name}.png').resolve()}"
            argv = ["chromium", *OPTIONS, *more, size, picture, page.as_uri()]
            subprocess.run(argv, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main(sys.argv[1])
