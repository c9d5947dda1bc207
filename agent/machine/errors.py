"""The few ways in which the agent says that something is wrong."""

from agent.machine.light.escaping import escape_line
from agent.machine.light.exits import Exit
from agent.machine.values import frozen


@frozen
class Problem:
    """One thing that is wrong, and what fixes it.

    `message` reads "cannot VERB OBJECT: cause" or names the variable; `hint` names the variable,
    file or command that fixes it, or is empty. Neither ever holds a secret. Each is one line,
    escaped as it is made: causes and names come from servers and from strangers' files.
    """

    message: str
    hint: str = ""
    level: str = "warning"
    """Level in the log; `info`: nothing is wrong, but it is worth knowing."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", escape_line(self.message))
        object.__setattr__(self, "hint", escape_line(self.hint))

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class HintedError(Exception):
    """One thing cannot be done; the text is the cause, `hint` what helps, if that is known."""

    def __init__(self, cause: str, hint: str = "") -> None:
        super().__init__(cause)
        self.hint = hint


class AgentError(Exception):
    """An error for the user: its problems are printed, a line each."""

    def __init__(self, *problems: Problem, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems
        self.exit_code = exit_code


class UsageError(AgentError):
    """What somebody asks for cannot be meant so: exit code 2, and nothing was changed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(Problem(message, hint), exit_code=Exit.USAGE)
