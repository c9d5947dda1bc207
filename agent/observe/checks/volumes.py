"""Whether the folders can be used: owner, mode, quota, mount options, root-squash."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from agent.machine.hints import find_hint
from agent.machine.light import runtime
from agent.machine.storage import owners
from agent.machine.storage.homes import explain_lacks
from agent.machine.storage.mountinfo import Mount, find_mount, read_mounts
from agent.machine.storage.volumes import Volume, find_top, try_folder
from agent.machine.system import Facts
from agent.observe.checks.work_folders import Place, find_places
from agent.settings.check import Check, Finding, Result
from agent.settings.context import PROBLEMS, Context

NFS = ("nfs", "nfs4")


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each folder; a file is made there and removed."""
    mounts: Sequence[Mount] = ()
    with suppress(OSError):
        mounts = read_mounts()
    if current.facts.home == current.facts.runtime / runtime.HOME:
        yield explain_lost_home(current.facts)
    for place in find_places(current):
        found = list(judge(place, current.facts, mounts))
        yield from found
        if not found:
            words = f"{place.name} {place.path} can be written and belongs to the right uid"
            yield Finding(Result.OK, words, part=place.name)


def explain_lost_home(facts: Facts) -> Finding:
    """Return why the home is one that is lost when the container ends."""
    told = (row for row in PROBLEMS.read(facts) if "temporary home" in row["message"])
    row = next(told, {"message": "a temporary home is used, which is lost", "hint": ""})
    fix = row["hint"] or "mount a volume on the home folder"
    return Finding(Result.FAIL, row["message"], fix, part="the home folder")


def judge(place: Place, facts: Facts, mounts: Sequence[Mount]) -> Iterator[Finding]:
    """Yield what is wrong with one folder."""
    path, name = place.path, place.name
    try:
        top = find_top(path)
    except OSError as error:
        summary = f"cannot reach {name} {path}: {error.strerror}"
        yield Finding(Result.FAIL, summary, find_hint(error, path) or f"mount {path} again",
                      part=name)  # fmt: skip
        return
    if not os.access(top, os.W_OK | os.X_OK):
        cause, fix = owners.explain_access(path, facts.uid)
        yield Finding(Result.FAIL, f"cannot write {name} {path}: {cause}", fix, part=name)
        return
    volume, mount = try_folder(path, facts.uid), find_mount(path, mounts)
    yield from judge_volume(place, volume, mount, facts)
    if mount and "noexec" in mount.options:
        yield explain_noexec(place, mount)
    if path == facts.home and (writers := owners.find_writers(path, facts)):
        summary = f"{name} {path} can be written by {writers}: sshd trusts no key in it"
        yield Finding(Result.WARN, summary, owners.find_hint(path, facts), part=name)


def judge_volume(
    place: Place, volume: Volume, mount: Mount | None, facts: Facts
) -> Iterator[Finding]:
    """Yield what came of the file that was made there. `place` exists or can be made."""
    path, name = place.path, place.name
    if volume.fault:
        error = OSError(volume.fault, os.strerror(volume.fault))
        fix = find_hint(error, path / "new") or place.clean
        yield Finding(Result.FAIL, f"cannot make a file in {path}: {error.strerror}", fix,
                      {"errno": volume.fault}, name)  # fmt: skip
    elif mount and mount.kind in NFS and not volume.ours:
        summary = f"files that are made in {path} belong to another uid: its NFS server squashes it"
        fix = f"export it with all_squash,anonuid={facts.uid},anongid={os.getgid()}, or with " \
            "no_root_squash if the container runs as root"  # fmt: skip
        yield Finding(Result.FAIL, summary, fix, {"source": mount.source}, name)
    elif lacks := explain_lacks(path, facts.home, volume):
        yield Finding(Result.WARN, lacks.message, lacks.hint, part=name)


def explain_noexec(place: Place, mount: Mount) -> Finding:
    """Return what a mount without the right to run programs costs."""
    what = "hooks, virtual environments and node_modules/.bin fail"
    if place.name == "the temporary folder":
        what = "installers that unpack programs there fail"
        fix = "docker run --tmpfs /tmp:exec, or set TMPDIR to another folder"
        return Finding(Result.WARN, f"nothing runs from {place.path}: {what}", fix, part=place.name)
    fix = f"mount {mount.point} without noexec"
    return Finding(Result.FAIL, f"nothing runs from {place.path}: {what}", fix, part=place.name)


CHECK = Check(
    "volumes", "Storage", "owner, mode, quota and mount options of home, workspace and /tmp", look,
    documents="docs/settings.md",
)  # fmt: skip
