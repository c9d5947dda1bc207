"""Tries the patterns of a repository, in a process of its own: some would take for ever.

Run as a program it reads [patterns, lines] as JSON and prints the number of the first pattern that
each line matches, or null. Standard library only, without `site`.
"""

import json
import re
import resource
import sys
from collections.abc import Collection, Sequence

PROCESSOR = 1
"""Seconds of a processor for all of them; a busy machine takes none of these away."""
PATIENCE = 10.0
"""Seconds until an answer, on a machine so busy that those take long."""
LONGEST = 2048
"""Characters of a line that are looked at."""


def match(patterns: Sequence[str], lines: Collection[str]) -> dict[str, str]:
    """Return each line that a pattern matches -> the first such pattern."""
    from agent.machine.programs import external_commands  # noqa: PLC0415 - the program needs it not

    if not patterns or not lines:
        return {}
    lines = list(lines)
    question = json.dumps([patterns, lines]).encode()
    argv = (sys.executable, "-I", "-S", __file__)
    done = external_commands.run(argv, {}, stdin=question, timeout=PATIENCE)
    if done.returncode:
        return {}
    answers = zip(lines, json.loads(done.stdout), strict=True)
    return {line: patterns[number] for line, number in answers if number is not None}


def find_first(patterns: Sequence[str], line: str) -> int | None:
    """Return the number of the first pattern that matches; those that are none do not."""
    for number, pattern in enumerate(patterns):
        try:
            if re.search(pattern, line[:LONGEST]):
                return number
        except (re.error, RecursionError, OverflowError):
            continue
    return None


def main() -> None:
    """Answer the question on standard input, or be killed by the kernel: it takes too long."""
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    patterns, lines = json.loads(sys.stdin.read())
    json.dump([find_first(patterns, line) for line in lines], sys.stdout)


if __name__ == "__main__":
    main()
