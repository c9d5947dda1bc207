"""What a test starts must not outlive it, even where the test is killed before it can clean up."""

BOUND = ("setpriv", "--pdeathsig", "KILL")
"""Starts a program that is killed as soon as the thread that has started it ends: prctl(2).

A program that becomes another user, or starts others, is bound no more, and they never were.
"""


def become(uid: int) -> tuple[str, ...]:
    """Return what starts a program as this user and binds it again."""
    return (*BOUND, "--reuid", str(uid), "--regid", str(uid), "--clear-groups")
