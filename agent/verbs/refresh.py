"""Read the GitHub token again, publish it, and ask GitHub whether it is good."""

import argparse
import json
import random
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from types import FrameType

from agent import catalogue, published, runtime
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.plan import Ledger, Resource, Token, apply, plan
from agent.published import Record
from agent.steps import github
from agent.system import System
from agent.tokens import publication, verify
from agent.verbs import context
from agent.verbs.context import Context

TOKEN, GH, CHECK = "token", "gh", "check"
"""The parts of a round that can be in trouble."""
LOCK = "refresh.lock"
DEADLINE = 50
"""Seconds after which whatever still waits is given up; below the job's own limit."""
FIRST_RETRY = 15.0
"""Seconds until the first further try when GitHub cannot be reached; each next one is doubled."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--json", action="store_true", help="print what is known as JSON")
    parser.add_argument("--offline", action="store_true", help="do not ask GitHub")
    parser.add_argument(
        "--log", action="store_true", help="only log what has changed; for the agent's own job"
    )


def run(arguments: argparse.Namespace) -> int:
    """Refresh; exit 0 when a good token is published or none is configured, else 1."""
    current = context.load()
    try:
        with deadline(DEADLINE), context.hold_lock(current.facts.runtime / LOCK):
            outcome = Refresh(current, offline=arguments.offline).run()
    except TimeoutError as error:
        problem = Problem(f"cannot refresh the token: it took longer than {DEADLINE} s")
        raise AgentError(problem) from error
    except OSError as error:
        problem = Problem(f"cannot write {error.filename}: {error.strerror}")
        raise AgentError(problem) from error
    if arguments.log:
        log_changes(outcome, current)
    elif arguments.json:
        sys.stdout.write(json.dumps(asdict(outcome.after), indent=2) + "\n")
    else:
        sys.stdout.write(describe(outcome.after) + "\n")
    bad = {TOKEN, CHECK} & outcome.after.problems.keys()
    return Exit.FAILED if bad else Exit.OK


# --- one refresh --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What was known before and what is known now."""

    before: Record
    after: Record


class Refresh:
    """One round: source, publication, check. What GitHub does raises nothing."""

    def __init__(
        self,
        current: Context,
        *,
        offline: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = current.settings
        self._facts = current.facts
        self._host = current.settings.github.host
        self._offline = offline
        self._now = now
        self._problems: dict[str, str] = {}

    def run(self) -> Outcome:
        """Publish what the source gives, then check it. Raises OSError for the runtime folder."""
        before = self._read_record()
        previous = published.read_token(self._facts, self._host)
        found = publication.find_token(self._settings, self._facts, catalogue.TOKEN_SOURCES)
        wanted = publication.resources(self._settings, self._facts, (lambda *_: found,))
        self._apply(TOKEN, wanted)
        self._apply(GH, github.resources(self._settings, self._facts))
        record = self._read_record()
        if isinstance(found, Token) and self._is_due(found, before):
            record = self._check(found, previous, record)
        elif CHECK in record.problems:
            self._problems[CHECK] = record.problems[CHECK]
        record = replace(record, refreshed=self._stamp(), problems=self._problems)
        if found is not None:
            path = published.record_path(self._facts, self._host)
            runtime.write_atomic(str(path), published.encode_record(record))
        return Outcome(before, record)

    def _is_due(self, found: Token, before: Record) -> bool:
        """Tell whether to ask GitHub: not before the time it set, unless the token is another."""
        known = published.fingerprint(found.value) in (before.fingerprint, before.rejected)
        return not self._offline and (not known or self._stamp() >= before.retry_at)

    def _check(self, found: Token, previous: Token | None, record: Record) -> Record:
        match self._ask(found):
            case verify.Valid(login, expires):
                record = Record(self._host, checked=self._stamp())
                return self._publish(replace(found, login=login, expires=expires), record)
            case verify.Rejected():
                return self._fall_back(found, previous)
            case verify.Unreachable(reason, retry_after):
                self._problems[CHECK] = f"cannot check the token of {self._host}: {reason}"
                return self._plan_retry(record, retry_after)

    def _fall_back(self, found: Token, previous: Token | None) -> Record:
        """Go back to the token before a refused one, unless GitHub refuses that too."""
        refused = f"GitHub refuses the token of {found.source}"
        hint = f"put a new token into {found.source}"
        if previous is None or previous.value == found.value:
            self._problems[CHECK] = str(Problem(refused, hint))
            return self._publish(found, Record(self._host))
        result = self._ask(previous)
        if isinstance(result, verify.Rejected):
            self._problems[CHECK] = str(Problem(refused, hint))
            return self._publish(found, Record(self._host))
        self._problems[CHECK] = str(Problem(f"{refused}; the one before it stays in use", hint))
        record = Record(
            self._host, source=found.source, rejected=published.fingerprint(found.value)
        )
        if isinstance(result, verify.Valid):
            previous = replace(previous, login=result.login, expires=result.expires)
            record = replace(record, checked=self._stamp())
        return self._publish(previous, record)

    def _ask(self, token: Token) -> verify.Result:
        return verify.check(token, self._settings, self._facts)

    def _plan_retry(self, record: Record, retry_after: float | None) -> Record:
        """Say when to try again: as GitHub wants it, else ever later up to the interval."""
        retry_at = ""
        delay = min(FIRST_RETRY * 2.0**record.failures, self._settings.github.refresh_interval)
        if retry_after is not None:
            delay = retry_after + 1
            retry_at = published.format_time(self._now() + timedelta(seconds=delay))
        # The spread keeps many workspaces from asking at the same moment; never too early.
        seconds = delay * random.uniform(1.0, 1.2) + 1  # noqa: S311 - no secret
        folder = self._facts.runtime / runtime.JOBS
        folder.mkdir(mode=0o700, exist_ok=True)
        runtime.write_atomic(str(folder / "refresh.next"), f"{seconds:.1f}\n".encode())
        return replace(record, failures=min(record.failures + 1, 20), retry_at=retry_at)

    def _publish(self, token: Token, record: Record) -> Record:
        self._apply(TOKEN, publication.publish(token, record, self._facts))
        self._apply(GH, github.resources(self._settings, self._facts))
        return self._read_record()

    def _apply(self, part: str, wanted: Iterable[Resource | Problem]) -> None:
        """Plan and apply; none of these resources stands in the ledger."""
        planned = plan(part, wanted, self._facts, Ledger())
        failed = apply(planned, System(self._facts.environ), Ledger())
        problems = (*planned.problems, *failed)
        if problems:
            self._problems[part] = "; ".join(map(str, problems))

    def _read_record(self) -> Record:
        return published.read_record(self._facts, self._host)

    def _stamp(self) -> str:
        return published.format_time(self._now())


# --- what is said of it -------------------------------------------------------------------------


def log_changes(outcome: Outcome, current: Context) -> None:
    """Write one event for each change; a round like the one before it says nothing."""
    events = list(find_events(outcome, read_said(current, outcome.before)))
    if not events:
        return
    from agent.structured import make_logger  # noqa: PLC0415 - 0.15 s; most rounds say nothing

    log = make_logger("refresh", current.settings.agent.log_level or "info")
    after = outcome.after
    known = {
        "host": after.host,
        "login": after.login,
        "kind": after.kind,
        "token_source": after.source,
        "expires": after.expires,
    }
    fields = {name: value for name, value in known.items() if value}
    for level, message in events:
        getattr(log, level)(message, **fields)


def find_events(outcome: Outcome, said: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (level, message) for all that changed; `said` was logged before."""
    before, after = outcome.before, outcome.after
    if after.fingerprint != before.fingerprint:
        published_one = "published a GitHub token"
        yield "info", published_one if after.fingerprint else "there is no GitHub token any more"
    news = before.problems or not before.checked or after.fingerprint != before.fingerprint
    if after.checked and not after.problems and news:
        yield "info", "GitHub accepts the token"
    for problem in after.problems.values():
        if problem not in said:
            yield "warning", problem


def read_said(current: Context, before: Record) -> Collection[str]:
    """Return the problems that were logged before: by the last round, or by `configure`."""
    if before.refreshed:
        return before.problems.values()
    try:
        rows = json.loads(current.facts.read(current.facts.runtime / runtime.PROBLEMS) or b"[]")
        return [str(Problem(row["message"], row["hint"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def describe(record: Record) -> str:
    """Return what is known as one line for a person."""
    if record.problem:
        return f"{record.host}: {record.problem}"
    if not record.fingerprint:
        return f"{record.host}: no token is configured"
    words = [f"{record.host}: the token of {record.login or 'no user'}, from {record.source}"]
    words.append(f"good at {record.checked}" if record.checked else "not checked yet")
    if record.expires:
        words.append(f"expires {record.expires}")
    return ", ".join(words)


# --- not for ever ------------------------------------------------------------


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raise TimeoutError inside, once, when this time has passed."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
