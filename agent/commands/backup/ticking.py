"""A line that tells, on a terminal, that something works which gives no report: its seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from agent.machine.human import format_duration

FIRST = 2.0
"""Seconds until the line appears: what is shorter needs none."""
PULSE = 1.0


@contextmanager
def tick(stream: TextIO, title: str) -> Iterator[None]:
    """Show the line as long as this lasts. Where there is no terminal it stays silent."""
    if not stream.isatty():
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_show, args=(stream, title, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show(stream: TextIO, title: str, over: threading.Event) -> None:
    began = time.monotonic()
    pause = FIRST
    while not over.wait(pause):
        pause = PULSE
        stream.write(f"\r\x1b[K{title}, {format_duration(time.monotonic() - began)}")
        stream.flush()
    if pause == PULSE:
        stream.write("\r\x1b[K")
        stream.flush()
