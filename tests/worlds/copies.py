"""Verbs of the agent in a copy of this process, as init runs its jobs: nothing is loaded anew.

To start Python and load the agent is most of the processor time of a short verb. The command line
itself is tried by the tests that start one (`AGENT` in tests/contract/restore_box.py).
"""

import ctypes
import gc
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence

from agent import __main__

DUMPABLE = 4
"""https://man7.org/linux/man-pages/man2/pr_set_dumpable.2const.html"""


def run_verb(
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    user: int | None = None,
    prepare: Callable[[], object] = lambda: None,
    timeout: float = 300.0,
) -> "subprocess.CompletedProcess[str]":
    """Run a verb to its end, with this environment and no other; nothing is on its standard input.

    `user`: who it runs as, in no group but that of the same number. `prepare` is called in the copy
    before. Raises TimeoutExpired.
    """
    ends = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        for reader, _ in ends:
            os.close(reader)
        _be_the_copy(words, environ, [writer for _, writer in ends], user, prepare)
    for _, writer in ends:
        os.close(writer)
    try:
        said = _read_all([reader for reader, _ in ends], timeout)
    except TimeoutError:
        os.kill(child, signal.SIGKILL)
        raise subprocess.TimeoutExpired(list(words), timeout) from None
    finally:
        for reader, _ in ends:
            os.close(reader)
        _, status = os.waitpid(child, 0)
    output, errors = (part.decode() for part in said)
    code = os.waitstatus_to_exitcode(status)
    return subprocess.CompletedProcess(list(words), code, output, errors)


def _read_all(readers: Sequence[int], timeout: float) -> list[bytes]:
    """Return all that comes through these pipes. Raises TimeoutError."""
    end = time.monotonic() + timeout
    said = {reader: bytearray() for reader in readers}
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(end - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if data := os.read(key.fd, 65536):
                    said[key.fd] += data
                else:
                    selector.unregister(key.fd)
    return [bytes(said[reader]) for reader in readers]


def _be_the_copy(
    words: Sequence[str],
    environ: Mapping[str, str],
    writers: Sequence[int],
    user: int | None,
    prepare: Callable[[], object],
) -> None:
    """Become what a new process would be, run the verb, and end."""
    code = 1
    try:
        gc.freeze()  # what only this process leaves behind is not cleared up here
        _forget_pytest()
        _take_streams(writers)
        os.environ.clear()
        os.environ.update(environ)
        if user is not None:
            _become(user)
        prepare()
        sys.argv = ["devcopilot", *words]
        code = __main__.main(list(words))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        __main__.leave(code)


def _forget_pytest() -> None:
    """Take away what pytest has put into Python, and what Python has kept of the environment."""
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    logging.root.handlers.clear()
    sys.unraisablehook = sys.__unraisablehook__
    tempfile.tempdir = None


def _take_streams(writers: Sequence[int]) -> None:
    """Make these the standard output and standard error, with nothing on standard input."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, *writers)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding="utf-8", closefd=False)


def _become(user: int) -> None:
    """Become this user, whose /proc/self is then their own, as after the start of a program."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        ctypes.CDLL(None).prctl(DUMPABLE, 1, 0, 0, 0)
