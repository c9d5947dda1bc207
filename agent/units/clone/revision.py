"""Which of a repository's branches, tags and commits an entry means."""

import difflib
from collections.abc import Collection, Iterable

from agent.machine.values import frozen
from agent.settings.repository import Reference

HEADS, TAGS = "refs/heads/", "refs/tags/"
PEELED = "^{}"
"""How ls-remote marks what an annotated tag points at."""
MOST_NAMES = 3


@frozen
class Names:
    """The branches and tags of a repository."""

    branches: frozenset[str]
    tags: frozenset[str]

    @classmethod
    def read(cls, refs: Iterable[str]) -> "Names":
        """Return them from full names, such as refs/heads/main."""
        refs = [ref.removesuffix(PEELED) for ref in refs]
        return cls(
            frozenset(ref.removeprefix(HEADS) for ref in refs if ref.startswith(HEADS)),
            frozenset(ref.removeprefix(TAGS) for ref in refs if ref.startswith(TAGS)),
        )

    def find(self, wanted: Reference) -> str | None:
        """Return the full name of what is meant, a branch before a tag; None: there is none.

        A web page's address has a branch and perhaps a path in one: the longest match counts, since
        of two branches one cannot be the folder of the other.
        """
        parts = wanted.name.split("/")
        shortest = 1 if wanted.kind == "path" else len(parts)
        for length in range(len(parts), shortest - 1, -1):
            name = "/".join(parts[:length])
            for known, prefix in ((self.branches, HEADS), (self.tags, TAGS)):
                if name in known:
                    return prefix + name
        return None

    def suggest(self, wanted: str) -> list[str]:
        """Return the names that are nearest to one that is missing."""
        return find_nearest(wanted, self.branches | self.tags)


def find_nearest(wanted: str, known: Collection[str]) -> list[str]:
    """Return the names most like this one; capitals do not count."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(wanted.lower(), by_lower, MOST_NAMES, 0.5)
    return [by_lower[name] for name in near]


def find_remote_ref(wanted: Reference) -> str:
    """Return where a host keeps the head of a pull request."""
    folder = "pull" if wanted.kind == "pull" else "merge-requests"
    return f"refs/{folder}/{wanted.name}/head"


def name_local_branch(wanted: Reference) -> str:
    """Return the branch for a pull request, as gh and glab name it."""
    return f"{'pr' if wanted.kind == 'pull' else 'mr'}-{wanted.name}"
