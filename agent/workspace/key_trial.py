"""A trial of login keys: what sshd would refuse, although the format of the line is correct."""

from collections.abc import Sequence

from agent.machine.system import Facts


def find_refused(entries: Sequence[str], facts: Facts) -> list[str]:
    """Return the lines whose key OpenSSH cannot load, such as a point that is not on its curve.

    One call for all lines; each line alone only if the numbers differ. Nothing is refused when
    ssh-keygen does not run.
    """
    entries = [entry for entry in entries if not entry.startswith("#")]
    loaded = _count_loaded(entries, facts)
    if loaded is None or loaded == len(entries):
        return []
    return [entry for entry in entries if _count_loaded([entry], facts) == 0]


def _count_loaded(entries: Sequence[str], facts: Facts) -> int | None:
    """Return how many keys ssh-keygen finds in these lines; None if it does not run."""
    if not entries:
        return 0
    text = "".join(f"{entry}\n" for entry in entries).encode()
    done = facts.run(("ssh-keygen", "-l", "-f", "/dev/stdin"), stdin=text)
    return None if done.returncode in (124, 127) else done.stdout.count(b"\n")
