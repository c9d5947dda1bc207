"""The check: GitHub is asked about a token.

Its answer improves what is published; a token gives way only to one that works.
"""

from dataclasses import replace

from agent.github import published, verify
from agent.github.publication import Origin
from agent.github.published import Published, Record
from agent.github.store import (
    CHECK,
    SCOPES,
    TOKEN,
    Shelf,
    note_check,
    note_skew,
    with_problem,
    without_problems,
)
from agent.github.token import Token, TokenSource
from agent.machine.errors import Problem
from agent.settings.groups import GitHub


class Check:
    """Asks about one token of one host."""

    def __init__(self, account: GitHub, source: TokenSource, shelf: Shelf) -> None:
        self._account = account
        self._source = source
        self._origin = Origin.of(account, source)
        self._shelf = shelf

    def run(self, found: Token | None, previous: Published | None) -> bool:
        """Ask about what was fetched, else about what is published, and note the answer.

        `previous` was published before. Returns False when GitHub refuses the token of a source
        that can make another one.
        """
        token = found or self._find_published()
        if token is None or not self._may_ask(token):
            return True
        result = verify.check(token.value, self._account, self._shelf.facts)
        if isinstance(result, verify.Rejected):
            return self._on_rejected(token, previous)
        with self._shelf.locked():
            record = self._shelf.record()
            if not _is_about(record, token):
                return True  # somebody has published another one meanwhile
            if isinstance(result, verify.Valid):
                self._publish_valid(token, result, record)
            else:
                problem = Problem(f"cannot check the token of {self._shelf.host}: {result.reason}")
                record = with_problem(record, CHECK, problem)
                self._shelf.save(self._shelf.note_check_failure(record, result.retry_after))
        return True

    def _find_published(self) -> Token | None:
        """Return the published token; None also while its source is in trouble.

        Then nobody knows whether it is still the one to use.
        """
        present, record = self._shelf.token(), self._shelf.record()
        if present is None or TOKEN in record.problems:
            return None
        return self._shelf.token_to_publish(present, record.source)

    def _may_ask(self, token: Token) -> bool:
        """Tell whether to ask: not before the time that GitHub set, unless the token is another."""
        record = self._shelf.record()
        known = _is_about(record, token) and bool(record.refreshed)
        return not known or self._shelf.facts.clock.uptime() >= record.check_retry_at

    def _publish_valid(self, token: Token, result: verify.Valid, record: Record) -> None:
        if published.fingerprint(token.value) == record.rejected:
            record = self._origin.make_record(record)
        token = replace(
            token,
            login=result.login or token.login,
            expires=result.expires or token.expires,
            grants=result.grants,
        )
        record = without_problems(record, CHECK, SCOPES)
        if result.lacks:
            words = f"the token of {token.source} lacks the scope {' and '.join(result.lacks)}"
            hint = "gh may refuse to work; give a token that has it"
            record = with_problem(record, SCOPES, Problem(words, hint))
        record = note_skew(note_check(record), result.skew)
        self._shelf.publish(token, replace(record, checked=self._shelf.stamp()))

    def _on_rejected(self, token: Token, previous: Published | None) -> bool:
        if self._source.lead is not None:
            return self._note_refusal(token)
        before = previous if previous and not _is_same(previous, token) else None
        answer = (
            verify.check(before.value, self._account, self._shelf.facts)
            if before
            else verify.Rejected()
        )
        with self._shelf.locked():
            record = self._shelf.record()
            if not _is_about(record, token):
                return True
            if before is None or isinstance(answer, verify.Rejected):
                self._keep_refused(token, record)
            else:
                self._go_back(before, answer, token, record)
        return True

    def _note_refusal(self, token: Token) -> bool:
        """Note that GitHub refuses a token that we can replace."""
        problem = Problem(
            f"GitHub refuses the token of {token.source}", "another one is made at once"
        )
        with self._shelf.locked():
            record = self._shelf.record()
            if not _is_about(record, token):
                return True
            record = with_problem(replace(record, checked=""), CHECK, problem)
            self._shelf.save(self._shelf.note_check_failure(record, None))
        return False

    def _keep_refused(self, token: Token, record: Record) -> None:
        """Keep a token that GitHub refuses: git's own message says more than a missing one."""
        problem = Problem(*_explain_refusal(token))
        record = self._origin.make_record(record)
        self._shelf.publish(token, with_problem(record, CHECK, problem))

    def _go_back(
        self,
        before: Published,
        answer: verify.Valid | verify.Unreachable,
        refused: Token,
        record: Record,
    ) -> None:
        """Publish again the token that works, until GitHub takes the new one."""
        words, hint = _explain_refusal(refused)
        problem = Problem(f"{words}; the one before it stays in use", hint)
        rejected = published.fingerprint(refused.value)
        record = replace(self._origin.make_record(record), rejected=rejected)
        token = self._shelf.token_to_publish(before, refused.source)
        if isinstance(answer, verify.Valid):
            token = replace(token, login=answer.login, expires=answer.expires or token.expires)
            record = replace(record, checked=self._shelf.stamp())
        self._shelf.publish(token, with_problem(record, CHECK, problem))


def _explain_refusal(token: Token) -> tuple[str, str]:
    return f"GitHub refuses the token of {token.source}", f"put a new token into {token.source}"


def _is_about(record: Record, token: Token) -> bool:
    return published.fingerprint(token.value) in (record.fingerprint, record.rejected)


def _is_same(present: Published, token: Token) -> bool:
    return present.fingerprint == published.fingerprint(token.value)
