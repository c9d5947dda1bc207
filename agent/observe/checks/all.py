"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.observe.checks import (
    address,
    clock,
    control_plane,
    disk,
    kubernetes,
    limits,
    memory,
    proxy,
    reach,
    versions,
    volumes,
)
from agent.settings.check import Check

CHECKS: tuple[Check, ...] = (
    volumes.CHECK,
    disk.CHECK,
    reach.CHECK,
    proxy.CHECK,
    address.CHECK,
    control_plane.CHECK,
    clock.CHECK,
    memory.CHECK,
    limits.CHECK,
    kubernetes.CHECK,
    versions.CHECK,
)
