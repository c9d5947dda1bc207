"""`devcopilot doctor`: which checks are meant, and what they have found."""

import difflib
import time
from collections.abc import Iterator, Sequence

from agent.machine.errors import AgentError, Problem
from agent.machine.light.clock import timestamp
from agent.machine.light.exits import Exit
from agent.machine.light.masking import Masker
from agent.observe import examination
from agent.observe.examination import Done, Tell
from agent.observe.findings import FILE, Row
from agent.settings.check import Check, Result
from agent.settings.context import Context
from agent.settings.credentials import hide_logins

GROUPS = (
    "GitHub",
    "Repositories",
    "Storage",
    "Network",
    "SSH and signing",
    "Backups",
    "AI tools",
    "Services",
    "Machine",
    "Versions",
)
"""What most often fails comes first; checks are run and shown in this order."""


def choose(names: Sequence[str], checks: Sequence[Check]) -> tuple[Check, ...]:
    """Return the checks of these names or groups, all for none. Raises AgentError (exit 2)."""
    known = {check.name for check in checks} | {check.group.lower() for check in checks}
    wanted = [name.lower() for name in names]
    problems = [_explain_unknown(name, known) for name in wanted if name not in known]
    if problems:
        raise AgentError(*problems, exit_code=Exit.USAGE)
    chosen = [check for check in checks if {check.name, check.group.lower()} & set(wanted)]
    return tuple(chosen if wanted else checks)


def _explain_unknown(name: str, known: set[str]) -> Problem:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "`devcopilot doctor --list` shows all checks"
    return Problem(f"there is no check {name}", hint)


def examine(
    checks: Sequence[Check],
    current: Context,
    *,
    offline: bool = False,
    limit: float | None = None,
    tell: Tell | None = None,
) -> tuple[Row, ...]:
    """Run these checks; return a row for each finding, in their order.

    `offline`: none that needs the network. `limit`: seconds for each, in place of its own.
    """
    at = timestamp(time.time(), digits=0)
    masker = Masker(str(current.facts.runtime))
    masker.refresh()
    able = [check for check in checks if not (offline and check.network)]
    done = {each.check.name: each for each in examination.run(able, current, limit, tell)}
    rows: list[Row] = []
    for check in checks:
        if check.name in done:
            rows += _make_rows(done[check.name], masker, at)
        else:
            words = "not checked: it needs the network"
            rows.append(Row(check.name, check.group, Result.SKIPPED, words, at=at))
    return tuple(rows)


def _make_rows(done: Done, masker: Masker, at: str) -> Iterator[Row]:
    check = done.check
    for finding in done.findings:
        words = (finding.summary, finding.fix, finding.part)
        summary, fix, part = (hide_logins(masker.mask_text(text)) for text in words)
        facts = masker.mask_value(dict(finding.facts))
        assert isinstance(facts, dict)  # noqa: S101 - it is masked value by value
        yield Row(check.name, check.group, finding.result, summary, fix, facts, part,
                  round(done.seconds, 2), check.documents, at)  # fmt: skip


def keep(rows: Sequence[Row], checks: Sequence[Check], current: Context, *, offline: bool) -> None:
    """Keep what was found, for the page and others; what was not looked at stays as it was.

    `checks`: all that there are. Raises OSError.
    """
    names = {check.name: check for check in checks}
    unseen = {row.name for row in rows if offline and names[row.name].network}
    seen = {row.name for row in rows} - unseen
    before = [row for row in FILE.read(current.facts) if row.name in names]
    kept = [row for row in before if row.name not in seen]
    new = [row for row in rows if row.name in seen]
    order = list(names)
    FILE.write(current.facts, tuple(sorted((*kept, *new), key=lambda row: order.index(row.name))))


def find_skipped(rows: Sequence[Row]) -> list[str]:
    """Return the checks that had nothing to look at."""
    seen = {row.name for row in rows if row.result is not Result.SKIPPED}
    return list(dict.fromkeys(row.name for row in rows if row.name not in seen))


def find_fixes(rows: Sequence[Row]) -> list[str]:
    """Return what fixes all that was found, the worst first, each once."""
    found = [row for result in (Result.FAIL, Result.WARN) for row in rows if row.result is result]
    return list(dict.fromkeys(row.fix for row in found))


def summarize(rows: Sequence[Row]) -> str:
    """Return one calm sentence."""
    counts = {result: sum(row.result is result for row in rows) for result in Result}
    parts = [_count(counts[Result.FAIL], "problem"), _count(counts[Result.WARN], "warning")]
    found = [part for part in parts if part]
    ending = ""
    if unknown := counts[Result.UNKNOWN]:
        ending = f"; {_count(unknown, 'thing')} could not be checked"
    if not found:
        return f"No problem found{ending}" if unknown else "All well"
    fine = "; everything else is fine" if counts[Result.OK] and not ending else ending
    return f"{' and '.join(found)} found{fine}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}" if number else ""
