"""`python -I -m agent.init.logger --runtime FOLDER … NAME=FD…`: the log child, started by init.

Where it does not get to its work in time, a copy of init writes the last lines: see `flush`.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator

from agent.init import turn
from agent.init.logger.losses import Losses
from agent.init.logger.output import Output
from agent.init.logger.problems import Problems
from agent.init.logger.recent import Recent
from agent.init.logger.streams import AGENT, READ, RING, SUPERVISORD, Stream
from agent.machine.light import termination
from agent.machine.light.exits import Exit
from agent.machine.light.log import Event
from agent.machine.light.masking import Masker

PATIENCE = 5.0
"""Seconds that one read or one write may take. Then the kernel ends this process, and init starts
it again: who writes must not wait for a log that hangs."""
STALL = 0.4
"""Seconds in which the output takes nothing, after which the last lines are given up."""
LONGEST_FLUSH = 2.0
"""Seconds that the last lines may take in all, to an output that is slow."""


class Pump:
    """Moves lines from the streams to the output. One thread; waits only in `poll`."""

    def __init__(
        self, streams: list[Stream], output: Output, losses: Losses, problems: Problems
    ) -> None:
        self._streams = streams
        self._losses = losses
        self._problems = problems
        self._turns = list(streams)
        self._open = {stream.descriptor: stream for stream in streams}
        self._output = output
        self._output_polled = False
        self._poller = select.poll()
        for descriptor in self._open:
            self._poller.register(descriptor, select.POLLIN)

    def run(self, masker: Masker, wakeup: int) -> None:
        """Work until a signal arrives on `wakeup`, or every stream has ended and is written."""
        self._poller.register(wakeup, select.POLLIN)
        while self._open or self._busy():
            self._poll_output()
            signal.setitimer(signal.ITIMER_REAL, 0)
            ready = [descriptor for descriptor, _ in self._poller.poll()]
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            if wakeup in ready:
                return
            masker.refresh()
            self._read(ready)
            if self._output.descriptor in ready:
                self._write()
            self._losses.note(self._streams)
            self._problems.write()

    def finish(self, masker: Masker) -> None:
        """Take what can be read now and write it; a machine that is busy costs no line.

        Of a stream that never ends as much is read as can be kept.
        """
        masker.refresh()
        for _ in range(RING // READ):
            if not self._read(list(self._open)):
                break
        for stream in self._streams:
            stream.finish()
        self._problems.write()
        poller = select.poll()
        poller.register(self._output.descriptor, select.POLLOUT)
        deadline = time.monotonic() + LONGEST_FLUSH
        while self._busy() and time.monotonic() < deadline and poller.poll(STALL * 1000):
            self._write()
        self._losses.note(self._streams, is_last=True)

    def _read(self, descriptors: list[int]) -> bool:
        """Read each of these streams once; tell whether anything came."""
        some = False
        for descriptor in descriptors:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE)
            stream = self._open.get(descriptor)
            count = stream.read() if stream else None
            some = some or bool(count)
            if count == 0:
                self._poller.unregister(descriptor)
                del self._open[descriptor]
        return some

    def _busy(self) -> bool:
        return self._output.waiting or any(stream.waiting for stream in self._streams)

    def _poll_output(self) -> None:
        """Poll the output only while there is something to write: else it would always be ready."""
        busy = self._busy()
        if busy and not self._output_polled:
            self._poller.register(self._output.descriptor, select.POLLOUT)
        elif self._output_polled and not busy:
            self._poller.unregister(self._output.descriptor)
        self._output_polled = busy

    def _write(self) -> None:
        """Write one piece: a line of each stream in turn, as many as fit."""
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        while self._output.room > 0 and (line := self._take()):
            self._output.add(line)
        try:
            self._output.write()
        except OSError as error:
            for stream in self._streams:
                stream.drop_all(f"the output failed ({error.strerror})")

    def _take(self) -> bytes | None:
        for _ in self._turns:
            stream = self._turns.pop(0)
            self._turns.append(stream)
            if line := stream.take():
                return line
        return None


def parse_arguments(words: list[str]) -> tuple[dict[str, str], list[tuple[str, int]]]:
    """Return the options and the (name, descriptor) pairs. Raises ValueError, KeyError."""
    options, streams = {}, []
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            options[word[2:]] = next(rest, "")
        else:
            name, _, descriptor = word.rpartition("=")
            streams.append((name, int(descriptor)))
    return options, streams


def watch_signals() -> int:
    """Return a descriptor that becomes readable when the child is asked to end."""
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGTERM, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # a terminal's: they are not for the log
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return reader


def make_pump(options: dict[str, str], named: list[tuple[str, int]], masker: Masker) -> Pump:
    """Return a pump from these streams to the output that the options name."""
    keep = Recent(options["runtime"]).add
    output = Output(int(options["output"]), options["format"], options["level"], keep)
    problems = Problems(options.get("termination", termination.PATH))

    def note_records(event: Event) -> Iterator[bytes]:
        problems.add(event)
        return output.make_records(event)

    forms = {AGENT: note_records, SUPERVISORD: note_records}
    streams = [
        Stream(name, descriptor, masker, forms.get(name, output.make_records))
        for name, descriptor in named
    ]
    return Pump(streams, output, Losses(options["runtime"]), problems)


def main(words: list[str]) -> int:
    """Pump until TERM, then flush; see the module."""
    wakeup = watch_signals()
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    options, named = parse_arguments(words)
    if "turn" in options and not turn.take(int(options["turn"])):
        return Exit.FAILED  # init has the last lines written without this process
    masker = Masker(options["runtime"])
    masker.refresh()
    pump = make_pump(options, named, masker)
    pump.run(masker, wakeup)
    pump.finish(masker)
    return Exit.OK


def flush(words: list[str]) -> int:
    """Write what waits in the streams, in place of a log child with these arguments."""
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    options, named = parse_arguments(words)
    masker = Masker(options["runtime"])
    make_pump(options, named, masker).finish(masker)
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
