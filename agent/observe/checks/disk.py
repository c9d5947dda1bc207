"""Whether there is room: bytes and inodes of each file system that work is done on."""

import os
from collections.abc import Iterator

from agent.machine.light.human import format_size
from agent.machine.storage.volumes import ROOM, find_top
from agent.observe.checks.work_folders import SHARED_MEMORY, Place, find_places
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

NEARLY, FULL = 0.80, 0.95
"""Shares in use: with so much left on a small disk, and on any."""
LITTLE = 2 * 10**9
"""Bytes that a build or a clone may need."""
MORE = "docker run --shm-size 1g"


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each file system, by the first folder on it."""
    seen: dict[int, Place] = {}
    shared = Place("shared memory", SHARED_MEMORY, f"delete files in {SHARED_MEMORY}; or: {MORE}")
    for place in (*find_places(current), shared):
        try:
            device = find_top(place.path).stat().st_dev
        except OSError as error:
            summary = f"cannot look at {place.name} {place.path}: {error.strerror}"
            yield Finding(Result.UNKNOWN, summary, "devcopilot doctor volumes", part=place.name)
            continue
        if device not in seen:
            seen[device] = place
            yield judge(place, os.statvfs(find_top(place.path)))


def judge(place: Place, disk: os.statvfs_result) -> Finding:
    """Return whether there is room on the file system of a place."""
    free = disk.f_bavail * disk.f_frsize
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    size = used + free
    share = used / size if size else 0.0
    inodes = 1 - disk.f_favail / disk.f_files if disk.f_files else 0.0
    facts = {"path": str(place.path), "free": free, "size": size, "inodes_used": round(inodes, 3)}
    name, left = place.name, f"{format_size(free)} of {format_size(size)} are free"
    if size and free < ROOM:
        summary = f"{name} is full: nothing can be written to {place.path}"
        return Finding(Result.FAIL, summary, place.clean, facts, name)
    if disk.f_files and not disk.f_favail:
        summary = f"{name} has no inode left: no file can be made in {place.path}"
        fix = f"delete many small files: du -x --inodes -d2 {place.path} | sort -n | tail"
        return Finding(Result.FAIL, summary, fix, facts, name)
    if inodes >= FULL:
        summary = f"{name} has used {inodes:.0%} of its inodes"
        fix = f"delete many small files: du -x --inodes -d2 {place.path} | sort -n | tail"
        return Finding(Result.WARN, summary, fix, facts, name)
    if share >= FULL or (share >= NEARLY and free < LITTLE):
        return Finding(Result.WARN, f"{name} is nearly full: {left}", place.clean, facts, name)
    return Finding(Result.OK, f"{name}: {left}", facts=facts, part=name)


CHECK = Check(
    "disk", "Storage", "room and inodes of home, workspace, /tmp and /dev/shm", look,
    documents="docs/settings.md",
)  # fmt: skip
