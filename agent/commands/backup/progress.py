"""What a bar shows of restic's work: bytes, files, speed, time left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent.commands.output import Printer
from agent.machine.light.human import format_duration, format_size
from agent.machine.programs.follow import Listener, Message


@contextmanager
def show(printer: Printer, title: str) -> Iterator[Listener]:
    """Yield a listener to restic's reports that shows them, until this ends."""
    began = time.monotonic()
    with printer.watch(title) as bar:

        def listen(message: Message) -> None:
            if message.get("message_type") == "status":
                done, total = find_size(message)
                bar.update(done, total, describe(message, time.monotonic() - began))

        yield listen


def find_size(message: Message) -> tuple[float, float]:
    """Return the bytes that are done, and that there are in all."""
    return (
        message.get("bytes_done", message.get("bytes_restored", 0)),
        message.get("total_bytes", 0),
    )


def describe(message: Message, seconds: float) -> str:
    """Return a report of restic's in words; `seconds`: how long it has worked."""
    done, total = find_size(message)
    files = message.get("files_done", message.get("files_restored", 0))
    parts = [f"{format_size(done)} of {format_size(total)}", f"{files:,} files"]
    if seconds > 1 and done:
        speed = done / seconds
        parts.append(f"{format_size(speed)}/s")
        parts.append(f"{format_duration((total - done) / speed)} left")
    return ", ".join(parts)
