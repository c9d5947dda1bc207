"""The token that DEV8_GITHUB_TOKEN_COMMAND prints."""

from agent.github.token import Failure, Found, TokenSource, read_answer
from agent.machine.errors import Problem
from agent.machine.formats.lines import find_last_line
from agent.machine.light.expressions import regex
from agent.machine.light.masking import mask_known
from agent.machine.light.token_prefixes import GITHUB
from agent.machine.programs import external_commands
from agent.machine.system import Facts
from agent.settings.github import GitHub

LEAD = 10 * 60.0
"""Seconds before its end that a token is asked for anew."""
NAME = "DEV8_GITHUB_TOKEN_COMMAND"
_TOKEN = regex(rf"\b(?:{GITHUB})\w+")


def is_configured(account: GitHub) -> bool:
    """Tell whether there is a command."""
    return account.token_command is not None


def fetch(account: GitHub, facts: Facts) -> Found:
    """Run the command, as a program of the user's and without standard input."""
    argv = account.token_command or ()
    done = external_commands.run(argv, facts.user_environ)
    if done.returncode != 0:
        words = mask_known(find_last_line(done.stderr), facts.runtime)
        return Failure(
            Problem(
                f"cannot get a token for {account.host}: {argv[0]} ended with {done.returncode}: "
                f"{_TOKEN.sub('***', words)[:120]}",
                f"fix {NAME}",
            )
        )
    return read_answer(done.stdout.decode(errors="replace"), account.host, NAME)


def check(account: GitHub, facts: Facts) -> Problem | None:
    """Return a problem if there is no such program."""
    return facts.find_missing_program(NAME, account.token_command or ())


SOURCE = TokenSource("command", is_configured, fetch, lead=LEAD, check=check)
