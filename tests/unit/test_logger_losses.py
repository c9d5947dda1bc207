"""How many lines the log has lost, for metrics: kept while it goes on, and at a bounded cost."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agent.init.logger.losses import PAUSE, Losses


class Clock:
    seconds = 100.0

    def now(self) -> float:
        return self.seconds


def read(folder: Path) -> dict[str, int] | None:
    path = folder / "log/lost.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_a_loss_is_kept_at_once_and_a_longer_one_once_a_second(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    clock, web = Clock(), SimpleNamespace(name="web", lost=0)
    streams: list[Any] = [web]
    losses = Losses(str(tmp_path), clock.now)
    losses.note(streams)
    assert read(tmp_path) is None, "nothing was lost: no file"
    web.lost = 1
    losses.note(streams)
    assert read(tmp_path) == {"web": 1}
    for lost in range(2, 1000):
        web.lost = lost
        losses.note(streams)
    assert read(tmp_path) == {"web": 1}
    clock.seconds += PAUSE
    losses.note(streams)
    assert read(tmp_path) == {"web": 999}
    web.lost = 1000
    losses.note(streams, is_last=True)
    assert read(tmp_path) == {"web": 1000}


def test_where_it_cannot_be_kept_the_log_goes_on(tmp_path: Path) -> None:
    streams: list[Any] = [SimpleNamespace(name="web", lost=1)]
    Losses(str(tmp_path / "missing")).note(streams)
    (tmp_path / "log").mkdir()
    os.mkfifo(tmp_path / "log/lost.json")
    Losses(str(tmp_path)).note(streams)
    assert read(tmp_path) == {"web": 1}
