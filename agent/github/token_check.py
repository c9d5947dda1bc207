"""Checks a token with GitHub, and keeps the answer.

Its answer improves what is published; a token gives way only to one that works.
"""

from dataclasses import replace

from agent.github import verify
from agent.github.published import Published
from agent.github.record import CHECK, SCOPES, TOKEN, Record, fingerprint
from agent.github.store import HostWork
from agent.github.token import Token
from agent.machine.errors import Problem


class Check(HostWork):
    """Asks about one token of one host."""

    def run(self, found: Token | None, previous: Published | None) -> bool:
        """Ask about what was fetched, else about what is published, and note the answer.

        `previous` was published before. Returns False when GitHub refuses the token of a source
        that can make another one.
        """
        token = found or self._find_published()
        if token is None or not self._may_ask(token):
            return True
        result = verify.check(token.value, self._account, self._store.facts)
        if isinstance(result, verify.Rejected):
            return self._on_rejected(token, previous)
        with self._store.locked():
            record = self._store.record()
            if not record.is_about(token.value):
                return True  # somebody has published another one meanwhile
            if isinstance(result, verify.Valid):
                self._publish_valid(token, result, record)
            else:
                problem = Problem(f"cannot check the token of {self._store.host}: {result.reason}")
                record = record.with_problem(CHECK, problem)
                self._store.save(
                    record.after_failed_check(self._store.find_end(result.retry_after))
                )
        return True

    def _find_published(self) -> Token | None:
        """Return the published token; None also while its source is in trouble.

        Then nobody knows whether it is still the one to use.
        """
        present, record = self._store.token(), self._store.record()
        if present is None or TOKEN in record.problems:
            return None
        return self._store.token_to_publish(present, record.source)

    def _may_ask(self, token: Token) -> bool:
        """Tell whether to ask: not before the time that GitHub set, unless the token is another."""
        record = self._store.record()
        known = record.is_about(token.value) and bool(record.refreshed)
        return not known or self._store.facts.clock.uptime() >= record.check_retry_at

    def _publish_valid(self, token: Token, result: verify.Valid, record: Record) -> None:
        if fingerprint(token.value) == record.rejected:
            record = self._origin.make_record(record)
        token = replace(
            token,
            login=result.login or token.login,
            expires=result.expires or token.expires,
            grants=result.grants,
        )
        record = record.without_problems(CHECK, SCOPES)
        if result.lacks:
            words = f"the token of {token.source} lacks the scope {' and '.join(result.lacks)}"
            hint = "gh may not work; use a token that has it"
            record = record.with_problem(SCOPES, Problem(words, hint))
        record = record.after_check().with_skew(result.skew)
        self._store.publish(token, replace(record, checked=self._store.stamp()))

    def _on_rejected(self, token: Token, previous: Published | None) -> bool:
        if self._source.lead is not None:
            return self._note_refusal(token)
        before = previous if previous and previous.fingerprint != fingerprint(token.value) else None
        answer = (
            verify.check(before.value, self._account, self._store.facts)
            if before
            else verify.Rejected()
        )
        with self._store.locked():
            record = self._store.record()
            if not record.is_about(token.value):
                return True
            if before is None or isinstance(answer, verify.Rejected):
                self._keep_refused(token, record)
            else:
                self._go_back(before, answer, token, record)
        return True

    def _note_refusal(self, token: Token) -> bool:
        """Note that GitHub refuses a token that we can replace."""
        problem = Problem(f"GitHub refuses the token of {token.source}", "creating another one now")
        with self._store.locked():
            record = self._store.record()
            if not record.is_about(token.value):
                return True
            record = replace(record, checked="").with_problem(CHECK, problem)
            self._store.save(record.after_failed_check(0.0))
        return False

    def _keep_refused(self, token: Token, record: Record) -> None:
        """Keep a token that GitHub refuses: git's own message says more than a missing one."""
        problem = Problem(*_explain_refusal(token))
        record = self._origin.make_record(record)
        self._store.publish(token, record.with_problem(CHECK, problem))

    def _go_back(
        self,
        before: Published,
        answer: verify.Valid | verify.Unreachable,
        refused: Token,
        record: Record,
    ) -> None:
        """Publish again the token that works, until GitHub takes the new one."""
        words, hint = _explain_refusal(refused)
        problem = Problem(f"{words}; keeping the previous one", hint)
        rejected = fingerprint(refused.value)
        record = replace(self._origin.make_record(record), rejected=rejected)
        token = self._store.token_to_publish(before, refused.source)
        if isinstance(answer, verify.Valid):
            token = replace(token, login=answer.login, expires=answer.expires or token.expires)
            record = replace(record, checked=self._store.stamp())
        self._store.publish(token, record.with_problem(CHECK, problem))


def _explain_refusal(token: Token) -> tuple[str, str]:
    return f"GitHub refuses the token of {token.source}", f"put a new token into {token.source}"
