"""The signals, in one visible tuple. To add one, write one file and add one name."""

from agent.observe.activity import (
    ai,
    editor,
    git,
    lease,
    ssh,
    tab,
    terminal_input,
    terminal_job,
    units,
    work,
)

SIGNALS = (
    editor.SIGNAL,
    terminal_input.SIGNAL,
    lease.SIGNAL,
    terminal_job.SIGNAL,
    ai.SIGNAL,
    work.SIGNAL,
    units.SIGNAL,
    git.SIGNAL,
    ssh.SIGNAL,
    tab.SIGNAL,
)
"""In this order they are shown; of two signs at one moment the first is the reason."""
