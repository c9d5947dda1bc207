"""Whether each host accepts its token now, and what the answer says of its end and the clock."""

from collections.abc import Iterator
from datetime import datetime

from agent.github import api, verify
from agent.github.api import Answer, NoAnswerError
from agent.github.hosts import find_accounts
from agent.github.published import Published, read_token
from agent.github.record import CHECK as ASKED
from agent.github.record import CLOCK, SCOPES, SKEW_WORTH_A_WARNING, Record, read_record
from agent.github.sources.all import SOURCES
from agent.github.token import find_kind, find_source
from agent.github.verify import WITH_SCOPES, Rejected, Unreachable, Valid
from agent.machine.light.clock import format_time
from agent.machine.light.human import format_duration, format_moment
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.github import GitHub

SOON = 7 * 86400.0
"""Seconds before its end that a token is worth a warning, if only a person can renew it."""
FEW = 0.1
"""Share of the requests of an hour that is little."""
NO_TOKEN = "set GITHUB_TOKEN_FILE, or run: devcopilot login"  # noqa: S105 - words
LIVE = (ASKED, SCOPES, CLOCK)
"""Parts of the record that this check asks about anew."""


@frozen
class Case:
    """One host, with what is known of it before it is asked."""

    account: GitHub
    record: Record
    is_renewed: bool
    """Whether the agent can make another token."""
    now: datetime

    @property
    def host(self) -> str:
        """Return its name."""
        return self.account.host

    @property
    def source(self) -> str:
        """Return where its token comes from."""
        return self.record.source or "its source"

    def find_left(self, moment: datetime) -> float:
        """Return the seconds until a moment."""
        return (moment - self.now).total_seconds()

    def find(self, result: Result, summary: str, fix: str = "", **facts: object) -> Finding:
        """Return a finding about it."""
        return Finding(result, summary, fix, facts, self.host)

    def explain_replacement(self, value_kind: str = "") -> str:
        """Return what gets a new token."""
        if self.is_renewed:
            return "devcopilot refresh"
        page = "tokens" if value_kind in WITH_SCOPES else "personal-access-tokens"
        url = f"{api.find_web_url(self.account)}/settings/{page}"
        return f"create a token at {url} and put it into {self.source}"


def look(context: Context) -> Iterator[Finding]:
    """Ask each host about its token."""
    accounts = context.once(find_accounts)
    for host, problem in accounts.in_trouble.items():
        yield Finding(Result.FAIL, problem.message, problem.hint or NO_TOKEN, {}, host)
    for account in accounts.known:
        yield from look_at_host(account, context)
    if not accounts.hosts:
        yield Finding(Result.SKIPPED, f"no GitHub token is configured; {NO_TOKEN}")


def look_at_host(account: GitHub, context: Context) -> Iterator[Finding]:
    """Yield what there is to say of one host."""
    facts = context.facts
    source = find_source(account, SOURCES)
    renewed = source is not None and source.lead is not None
    case = Case(account, read_record(facts, account.host), renewed, facts.clock.now())
    token = read_token(facts, account.host)
    stale = [text for part, text in case.record.problems.items() if part not in LIVE]
    if token is None:
        why = "; ".join(stale) or "the agent has no token yet"
        yield case.find(Result.FAIL, f"there is no token: {why}", "devcopilot refresh")
        return
    for text in stale:
        yield case.find(Result.WARN, f"the token cannot be renewed: {text}", "devcopilot refresh")
    try:
        answer, is_users = verify.ask(token.value, account, facts)
    except NoAnswerError as error:
        yield case.find(Result.UNKNOWN, f"cannot check the token: {error.reason}",
                        explain_wait(error.retry_after))  # fmt: skip
        return
    result = verify.judge(token.value, account, answer, is_users)
    match result:
        case Valid():
            yield from describe(case, token, result, answer)
        case Rejected():
            yield explain_refusal(case, token, answer)
        case Unreachable():
            yield case.find(Result.UNKNOWN, f"cannot check the token: {result.reason}")
    yield from find_skew(case, answer)


def explain_wait(seconds: float | None) -> str:
    """Return what to do about a host that wants to be left in peace."""
    return f"wait {format_duration(seconds)}" if seconds else "devcopilot doctor network"


def explain_refusal(case: Case, token: Published, answer: Answer) -> Finding:
    """Return why a host answers 401."""
    kind = find_kind(token.value)
    ended = api.parse_time(case.record.expires) if case.record.expires else None
    over = -case.find_left(ended) if ended else 0
    why = f"it expired {format_duration(over)} ago" if over > 0 else answer.message
    return case.find(
        Result.FAIL,
        f"{case.host} refuses the token of {case.source}: {why or 'status 401'}",
        case.explain_replacement(kind),
        status=answer.status, kind=kind,
    )  # fmt: skip


def describe(case: Case, token: Published, result: Valid, answer: Answer) -> Iterator[Finding]:
    """Yield what a host says of a token that it accepts."""
    kind = find_kind(token.value)
    expires = result.expires or (api.parse_time(case.record.expires) if case.record.expires
                                 else None)  # fmt: skip
    grants = result.grants or case.record.grants
    who = result.login or "an App"
    words = f"{case.host} accepts the token of {case.source}: {who}, {kind or 'unknown'} token"
    words += f", permissions: {grants}" if grants else ""
    words += f", ends in {format_duration(case.find_left(expires))}" if expires else ""
    yield case.find(Result.OK, words, login=result.login, kind=kind, grants=grants,
                    expires=format_time(expires) if expires else None)  # fmt: skip
    if result.lacks:
        lacking = " and ".join(result.lacks)
        fix = case.explain_replacement(kind)
        if kind == "oauth":
            fix = "devcopilot login"
        yield case.find(Result.WARN, f"the token lacks the scope {lacking}, which gh needs",
                        f"{fix}, with the scope {lacking}", lacks=list(result.lacks))  # fmt: skip
    if expires and not case.is_renewed:
        yield from find_end(case, expires, kind)
    yield from find_rate(case, answer)


def find_end(case: Case, expires: datetime, kind: str) -> Iterator[Finding]:
    """Yield that a token ends soon which only a person can renew."""
    left = case.find_left(expires)
    if left < SOON:
        words = f"the token of {case.source} ends in {format_duration(left)}"
        yield case.find(Result.WARN, words, case.explain_replacement(kind), seconds_left=int(left))


def find_rate(case: Case, answer: Answer) -> Iterator[Finding]:
    """Yield that hardly any requests remain in this hour.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    texts = [answer.headers.get(f"x-ratelimit-{name}", "") for name in
             ("limit", "remaining", "reset")]  # fmt: skip
    if not all(text.isascii() and text.isdigit() for text in texts):
        return
    limit, remaining, reset = map(int, texts)
    if limit and remaining < FEW * limit:
        end = datetime.fromtimestamp(reset - answer.skew).astimezone()
        yield case.find(
            Result.WARN, f"{remaining} of {limit} requests remain until {format_moment(end)}",
            f"stop what asks {case.host} so often, or wait {format_duration(case.find_left(end))}",
            limit=limit, remaining=remaining,
        )  # fmt: skip


def find_skew(case: Case, answer: Answer) -> Iterator[Finding]:
    """Yield that this machine's clock is wrong."""
    problem = case.record.with_skew(answer.skew).problems.get(CLOCK)
    if problem and abs(answer.skew) > SKEW_WORTH_A_WARNING:
        words = problem.partition(" (")[0]
        yield case.find(
            Result.WARN, words,
            "on the machine that runs the container: timedatectl set-ntp true",
            seconds=round(answer.skew),
        )  # fmt: skip


CHECK = Check(
    "token",
    "GitHub",
    "whether each GitHub host accepts its token; scopes, end, rate limit, and the clock",
    look,
    network=True,
    documents="docs/github.md",
)
