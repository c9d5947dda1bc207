"""Limits that a container may have, and what happens at them."""

import threading
from types import SimpleNamespace

import pytest

from agent.machine.programs import threads


def refuse_thread(_thread: threading.Thread) -> None:
    """Do what Python does at a limit of processes: pids.max or RLIMIT_NPROC."""
    raise RuntimeError("can't start new thread")


class Refused(threading.Thread):
    """A thread that cannot be started."""

    start = refuse_thread


def refuse_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the agent have no further thread; the test's own servers have theirs."""
    monkeypatch.setattr(threads, "threading", SimpleNamespace(Thread=Refused))
