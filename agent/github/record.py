"""What is known of the token of one host: a value without any secret, and its file."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.records.documents import HOST, RUNTIME, Document, fill
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen

TOKEN, CHECK, SCOPES, CLOCK = "token", "check", "scopes", "clock"
"""What can be in trouble: the source, the check, what the token may do, the machine's clock."""
HOST_FILE, GH = "file", "gh"
"""And: the file of hosts.d that describes the host, gh's own files."""
SKEW_WORTH_A_WARNING = 60.0
"""Seconds between this machine's clock and GitHub's that are worth a warning."""
MOST_FAILURES = 20
"""Beyond that, one more makes no difference."""


@frozen
class Record:
    """What is known of the token of one host. Times are RFC 3339 in UTC. It holds no secret."""

    host: str
    login: str | None = None
    kind: str = ""
    """personal, fine-grained, installation, user, oauth, or empty for a form that is not known."""
    source: str = ""
    """The variable that the token came from."""
    grants: str = ""
    """Scopes or permissions, as GitHub lists them."""
    fingerprint: str = ""
    """`fingerprint` of the published token; empty: none is published."""
    rejected: str = ""
    """`fingerprint` of a newer token that GitHub refused while the published one worked."""
    expires: str = ""
    """By this machine's clock as it was then."""
    life: float = 0.0
    """Seconds that the token had when it was published; 0: no end is known."""
    origin: str = ""
    """`find_origin` of the source that gave the token: another origin is another identity."""
    file: str = ""
    """The file that the source reads, if it is one."""
    made: float = 0.0
    """The uptime at which this very token was published."""
    checked: str = ""
    """When GitHub last said that the token is good."""
    refreshed: str = ""
    """When `devcopilot refresh` last ran."""
    rounds: int = 0
    """How often it has run in this life of the container."""
    bad_rounds: int = 0
    """After how many of those `is_bad` held."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong now: by part (see `agent.github.renewal`) the line that says so."""
    said: Sequence[str] | None = None
    """The problems that the last round had to log, so that none is logged twice; None: no round
    has logged any yet."""
    failures: int = 0
    """Tries in a row in which the source had no token."""
    failed_at: float = 0.0
    """The uptime at which it last had none."""
    retry_at: float = 0.0
    """Before this uptime the source is not to be asked again."""
    check_failures: int = 0
    """Checks in a row that got no answer."""
    check_retry_at: float = 0.0
    """Before this uptime GitHub is not to be asked about the token again."""
    refusals: int = 0
    """Tokens in a row that were made anew because GitHub refused the one before."""
    skew: float = 0.0
    """Seconds by which the host's clock is ahead of this machine's."""

    @property
    def problem(self) -> str:
        """Return all that is wrong now as one line; empty: nothing."""
        return "; ".join(self.problems.values())

    @property
    def is_bad(self) -> bool:
        """Tell whether no good token is known of: that of gh's files or of a clock may still be."""
        return not self.problems.keys().isdisjoint((TOKEN, CHECK, HOST_FILE))

    def after_round(self, moment: str) -> "Record":
        """Return the record of a host for which a refresh has done what was due."""
        rounds, bad = self.rounds + 1, self.bad_rounds + self.is_bad
        return replace(self, refreshed=moment, rounds=rounds, bad_rounds=bad)

    def is_about(self, value: Secret) -> bool:
        """Tell whether this token is the published one, or the newer one that was refused."""
        return fingerprint(value) in (self.fingerprint, self.rejected)

    # --- notes: the record with something changed ----------------------------------------------

    def with_problem(self, part: str, problem: Problem) -> "Record":
        """Return the record with this part in trouble."""
        return replace(self, problems={**self.problems, part: str(problem)})

    def without_problems(self, *parts: str) -> "Record":
        """Return the record with these parts in order."""
        left = {part: text for part, text in self.problems.items() if part not in parts}
        return replace(self, problems=left)

    def after_fetch(self) -> "Record":
        """Return the record of a host whose source has given a token."""
        return replace(self, failures=0, retry_at=0.0)

    def after_failed_fetch(self, retry_at: float) -> "Record":
        """Return it when the source had no token, and is not to be asked before that uptime."""
        failures = min(self.failures + 1, MOST_FAILURES)
        return replace(self, failures=failures, retry_at=retry_at)

    def after_check(self) -> "Record":
        """Return the record of a host that has accepted its token."""
        return replace(self, check_failures=0, check_retry_at=0.0, refusals=0)

    def after_failed_check(self, retry_at: float) -> "Record":
        """Return it when GitHub said nothing of the token; not to be asked before that uptime."""
        failures = min(self.check_failures + 1, MOST_FAILURES)
        return replace(self, check_failures=failures, check_retry_at=retry_at)

    def with_skew(self, skew: float) -> "Record":
        """Return it with what is known of the clocks; a large difference is worth a line."""
        record = replace(self.without_problems(CLOCK), skew=skew)
        if abs(skew) <= SKEW_WORTH_A_WARNING:
            return record
        minutes = round(abs(skew) / 60)
        amount = f"{minutes} minute{'' if minutes == 1 else 's'}"
        direction = "behind" if skew > 0 else "ahead of"
        words = f"this machine's clock is {amount} {direction} that of {self.host}"
        return record.with_problem(CLOCK, Problem(words, "correct the clock; tokens work anyway"))


RECORD = Document(
    RUNTIME, f"{runtime.TOKENS}/{HOST}.json", "what is known of the host's token",
    lambda row: fill(Record, {"host": "", **row}), lambda: Record(""),
)  # fmt: skip


def read_record(facts: Facts, host: str) -> Record:
    """Return the record of a host, an empty one when it cannot be read. Raises OSError."""
    return replace(RECORD.decode(RECORD.load(facts, host)), host=host)


def fingerprint(value: Secret) -> str:
    """Return what tells tokens apart and cannot be turned back: tokens are random enough."""
    return hashlib.sha256(value.reveal().encode()).hexdigest()
