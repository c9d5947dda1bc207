#!/usr/bin/env python3
"""Find packages of the built images for which a security suite has a newer version.

Usage: updates.py ENGINE IMAGE..., with the network that apt needs. A new container of each image
asks the image's own mirrors. Exit 1 if a package is behind a security suite. Other newer versions,
and packages whose support is limited (debian-security-support), are shown and no failure.
"""

import re
import subprocess
import sys
from dataclasses import dataclass

ASK = """
rm -f /etc/apt/apt.conf.d/docker-clean
apt-get update --quiet --quiet >&2
apt-get --simulate --quiet dist-upgrade
grep -q '^ID=debian$' /etc/os-release || exit 0
apt-get install --yes --quiet --quiet --no-install-recommends debian-security-support >&2
check-support-status --semaphore /dev/null
"""
LIMITED = re.compile(r"(?m)^\* Source:(\S+)$")
TIMEOUT = 300.0
LINE = re.compile(
    r"Inst (?P<name>\S+) (?:\[(?P<old>[^]]+)\] )?\((?P<new>\S+) (?P<suites>.*?)(?: \[\S+\])?\)"
)
"""A line of `apt-get --simulate`: a package that is not there yet has no old version."""


@dataclass(frozen=True)
class Update:
    """A newer version of a package, and the suites that have it."""

    name: str
    old: str
    new: str
    suites: str

    @property
    def is_security(self) -> bool:
        """Tell whether one is for security: Debian-Security:12/…, Ubuntu:22.04/jammy-security."""
        return "security" in self.suites.lower()

    def __str__(self) -> str:
        """Return one line about it."""
        return f"{self.name} {self.old} -> {self.new} ({self.suites})"


def read_simulation(text: str) -> list[Update]:
    """Return what `apt-get --simulate dist-upgrade` would upgrade, without what it would add."""
    return [
        Update(found["name"], found["old"], found["new"], found["suites"])
        for found in map(LINE.match, text.splitlines())
        if found and found["old"]
    ]


def ask(engine: str, image: str) -> str:
    """Ask apt in a new container of an image; return what it and the list of support say."""
    words = [engine, "run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-euc", ASK]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        sys.exit(f"error: cannot ask the mirrors of {image}: {last}")
    return done.stdout


def main() -> None:
    """Print a list for each image."""
    engine, *images = sys.argv[1:]
    behind = 0
    for image in images:
        answer = ask(engine, image)
        updates = read_simulation(answer)
        missing = [update for update in updates if update.is_security]
        behind += len(missing)
        print(f"{image}: {len(missing)} packages are behind a security suite")
        for update in sorted(updates, key=lambda update: not update.is_security):
            print(f"    {'' if update.is_security else 'not security: '}{update}")
        if limited := LIMITED.findall(answer):
            print(f"    limited support: {' '.join(limited)}")
    if behind:
        sys.exit("error: security updates are missing (REFRESH=$(date +%F) make build)")


if __name__ == "__main__":
    main()
