"""The one way to run a command for its words: with a deadline, and a limit of what it may say."""

import functools
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

TIMEOUT = 10.0
"""Seconds that a local command may take."""
LONGEST = 1024 * 1024
"""Bytes that it may say on each of its two outputs."""
TOO_LONG, TOO_MUCH, NOT_FOUND = 124, 125, 127
"""Codes in place of its own: as of timeout(1), one that is free there, as of a shell."""
SAID_TOO_MUCH = "it printed more than"
"""How the reason for TOO_MUCH begins."""
_PIECE = 65536


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float = TIMEOUT,
    limit: int = LONGEST,
    cwd: "str | os.PathLike[str] | None" = None,
) -> "subprocess.CompletedProcess[bytes]":
    """Return what a command said and its code. Raises nothing for what it does.

    A program that is missing, takes longer than `timeout` seconds or says more than `limit` bytes
    counts as code 127, 124 or 125, with the reason in `stderr`; it is killed then.
    """
    return start(argv, environ, stdin, cwd)(timeout, limit)


def start(
    argv: Sequence[str],
    environ: Mapping[str, str],
    stdin: bytes = b"",
    cwd: "str | os.PathLike[str] | None" = None,
) -> "Callable[..., subprocess.CompletedProcess[bytes]]":
    """Start a command; return what waits for its end with a timeout and a limit, as `run` does.

    The timeout counts from then on: who has started it may be busy with something else before.
    """
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            argv, env=dict(environ), cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
        )
    except OSError as error:
        failed = _fail(argv, NOT_FOUND, error.strerror or str(error))
        return lambda *_, **__: failed
    assert process.stdin  # noqa: S101 - it is a pipe
    os.set_blocking(process.stdin.fileno(), False)
    rest = _write(process.stdin.fileno(), stdin)
    if not rest:
        process.stdin.close()
    return functools.cache(functools.partial(_finish, process, argv, rest))


def _finish(
    process: "subprocess.Popen[bytes]",
    argv: Sequence[str],
    stdin: bytes,
    timeout: float = TIMEOUT,
    limit: int = LONGEST,
) -> "subprocess.CompletedProcess[bytes]":
    deadline = time.monotonic() + timeout
    with process:
        try:
            stdout, stderr = _talk(process, stdin, deadline, limit)
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            return _fail(argv, TOO_LONG, "it took too long")
        except OverflowError:
            return _fail(argv, TOO_MUCH, f"{SAID_TOO_MUCH} {limit // 1024} KiB")
        finally:
            process.kill()  # unless it has ended
    return subprocess.CompletedProcess(argv, code, stdout, stderr)


def _talk(
    process: "subprocess.Popen[bytes]", stdin: bytes, deadline: float, limit: int
) -> tuple[bytes, bytes]:
    """Give a process the rest of its input; return both outputs once they are closed.

    Raises TimeoutError, and OverflowError as soon as it has said too much.
    """
    assert process.stdin and process.stdout and process.stderr  # noqa: S101 - they are pipes
    said = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
    with selectors.DefaultSelector() as selector:
        if stdin:
            selector.register(process.stdin.fileno(), selectors.EVENT_WRITE)
        for output in said:
            selector.register(output, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise TimeoutError
            for descriptor in (key.fd for key, _ in ready):
                if descriptor not in said:
                    stdin = _write(descriptor, stdin)
                    if not stdin:
                        selector.unregister(descriptor)
                        process.stdin.close()
                    continue
                piece = os.read(descriptor, _PIECE)
                said[descriptor] += piece
                if not piece:
                    selector.unregister(descriptor)
                if len(said[descriptor]) > limit:
                    raise OverflowError
    stdout, stderr = said.values()
    return stdout, stderr


def _write(descriptor: int, content: bytes) -> bytes:
    """Write what a pipe takes now; return the rest, none when nobody reads it."""
    try:
        return content[os.write(descriptor, content) :]
    except BrokenPipeError:
        return b""


def _fail(argv: Sequence[str], code: int, cause: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.CompletedProcess(argv, code, b"", cause.encode())
