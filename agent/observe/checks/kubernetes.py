"""What goes wrong in Kubernetes without a word."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from agent.machine.light.human import format_duration, format_size
from agent.machine.secret import SecretInput
from agent.machine.storage.mountinfo import Mount, read_mounts
from agent.observe.checks.work_folders import SHARED_MEMORY
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.everything import Settings

MARK = "KUBERNETES_SERVICE_HOST"
"""Every container of a pod has it."""
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
GRACE = 30.0
"""Seconds that a pod has to stop if its manifest says nothing."""
SMALL = 64 * 2**20


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each trap; nothing elsewhere."""
    if MARK not in {**os.environ, **current.facts.environ}:
        yield Finding(Result.SKIPPED, "this is no pod of Kubernetes")
        return
    mounts: Sequence[Mount] = ()
    with suppress(OSError):
        mounts = read_mounts()
    disk = os.statvfs(SHARED_MEMORY)
    agent = current.settings.agent
    yield judge_grace(agent.stop_timeout, agent.grace_period)
    yield from judge_secrets(current.settings, mounts)
    yield judge_account(ACCOUNT)
    yield judge_shared_memory(disk.f_blocks * disk.f_frsize)


def judge_grace(stop_timeout: float, grace_period: float | None) -> Finding:
    """Return whether the pod lets the final backup end; only the manifest knows its grace."""
    part, stop = "grace period", format_duration(stop_timeout)
    facts = {"stop_timeout": stop_timeout, "grace_period": grace_period}
    if grace_period:
        summary = f"stopping takes at most {stop} of the {format_duration(grace_period)} of grace"
        return Finding(Result.OK, summary, facts=facts, part=part)
    if stop_timeout < GRACE:
        summary = f"stopping takes at most {stop}, less than a pod's usual 30 s"
        return Finding(Result.OK, summary, facts=facts, part=part)
    summary = f"stopping may take {stop}; a container cannot see whether the pod waits as long"
    fix = "set DEV8_GRACE_PERIOD, instead of DEV8_STOP_TIMEOUT, to terminationGracePeriodSeconds"
    return Finding(Result.UNKNOWN, summary, fix, facts, part)


def judge_secrets(settings: Settings, mounts: Sequence[Mount]) -> Iterator[Finding]:
    """Yield each secret that will never change in this pod: its file is a mount of its own."""
    points = {mount.point for mount in mounts}
    files = {item.file: item.variable for item in find_secrets(settings) if item.file}
    frozen = {path: name for path, name in files.items() if path in points}
    for path, name in frozen.items():
        summary = f"{name}_FILE={path} is mounted with a subPath: a new secret never gets here"
        fix = f"mount the secret as a folder, and set {name}_FILE to the file in it"
        yield Finding(Result.WARN, summary, fix, part="secrets")
    if files and not frozen:
        yield Finding(Result.OK, "secrets are mounted as folders: they can change", part="secrets")


def find_secrets(settings: Settings) -> Iterator[SecretInput]:
    """Yield every secret that was given."""
    for group in fields(settings):
        values = getattr(settings, group.name)
        for item in fields(values):
            found = getattr(values, item.name)
            if isinstance(found, SecretInput):
                yield found


def judge_account(token: Path) -> Finding:
    """Return whether the pod's own login to Kubernetes lies open to all that runs here."""
    part = "service account"
    if token.exists():
        summary = "every program here can use the pod's service account"
        fix = "automountServiceAccountToken: false in the pod, if nothing needs it"
        return Finding(Result.WARN, summary, fix, part=part)
    return Finding(Result.OK, "no service account's token is mounted", part=part)


def judge_shared_memory(size: int) -> Finding:
    """Return whether shared memory has more than the default of the runtime."""
    part, facts = "shared memory", {"size": size}
    if size > SMALL:
        summary = f"{SHARED_MEMORY} has {format_size(size)}"
        return Finding(Result.OK, summary, facts=facts, part=part)
    summary = f"{SHARED_MEMORY} has {format_size(size)}, and the pod's containers share it"
    fix = f"mount an emptyDir with medium: Memory at {SHARED_MEMORY}"
    return Finding(Result.WARN, summary, fix, facts, part)


CHECK = Check(
    "kubernetes", "Machine", "grace period, subPath, service account and shared memory of a pod",
    look, documents="docs/settings.md",
)  # fmt: skip
