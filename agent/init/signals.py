"""Signals: blocked from the first line on; handlers only record, through the wake-up pipe."""

import os
import signal
from collections.abc import Sequence

_FAULTS = {
    signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV,
    signal.SIGSYS,
}  # fmt: skip
"""They mean this very process."""
_KERNELS = {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGXCPU,
    signal.SIGTTIN, signal.SIGTTOU,
}  # fmt: skip
"""They cannot be caught, or what caused them is this process's own doing."""
PYTHONS = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python ignores them: a write fails instead."""
HANDLED = signal.valid_signals() - _FAULTS - _KERNELS
"""All that somebody may send on purpose, and SIGCHLD."""
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""They ask to stop; of INT and QUIT a CMD decides what they mean."""


def block() -> None:
    """Keep signals pending, also over an exec, until `listen`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)


def listen() -> int:
    """Let the signals come; return a non-blocking descriptor that yields a byte for each.

    The byte is the number of the signal, in the order of arrival. When the pipe is full, more of
    them are lost; it is readable then, and SIGCHLD needs no count.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in HANDLED:
        signal.signal(number, _record)
    # A background process that changes the terminal is stopped by this one; init must not be.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    return reader


def read(descriptor: int) -> list[int]:
    """Return the signals that arrived since the last call."""
    try:
        return list(os.read(descriptor, 65536))
    except BlockingIOError:
        return []


def find_ignored() -> list[int]:
    """Return the signals that this process was started to ignore, as by nohup; before `listen`.

    What Python itself ignores is not among them: nothing tells what it was before.
    """
    return [
        number
        for number in signal.valid_signals() - set(PYTHONS)
        if signal.getsignal(number) == signal.SIG_IGN
    ]


def restore(blocked: Sequence[int], ignored: Sequence[int] = ()) -> None:
    """Give a new child what programs expect: default dispositions, but for what stays so."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def restore_pythons() -> None:
    """Give a copy of this process what Python itself begins with."""
    restore((), PYTHONS)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _record(number: int, frame: object) -> None:
    """Do nothing: the byte in the wake-up pipe is the record."""
