"""What a signal is: one thing that can be seen of a workspace in use. Light, like all signals."""

from collections.abc import Callable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.observe.activity.view import View


class Sighting:
    """What a signal sees in one sample."""

    __slots__ = ("counts", "detail", "holds", "is_capped", "last", "why")

    def __init__(
        self,
        last: float | None = None,
        detail: str = "",
        *,
        why: str = "",
        counts: bool = True,
        holds: bool = False,
        is_capped: bool = False,
    ) -> None:
        self.last = last
        """The newest sign, in seconds since the machine started; None: there is none now."""
        self.detail = detail
        """What it is, as the rest of the sentence "Active: …"."""
        self.why = why
        """Why nothing counts now."""
        self.counts = counts
        """Whether such a sign keeps this workspace running."""
        self.holds = holds
        """Whether nothing may be stopped at this moment, though it is no sign of use."""
        self.is_capped = is_capped
        """Whether it counts no longer: nobody has been here for too long."""


class Signal:
    """One signal; to add one, write its file and add its name to `all`."""

    __slots__ = ("look", "meaning", "name", "of_person", "rule")

    def __init__(
        self,
        name: str,
        meaning: str,
        rule: str,
        look: "Callable[[View], Sighting]",
        *,
        of_person: bool = False,
    ) -> None:
        """`meaning` and `rule` are for the documentation: what it is, and when it counts."""
        self.name = name
        self.meaning = meaning
        self.rule = rule
        self.look = look
        self.of_person = of_person
        """Whether somebody is here; what only a program does counts for DEV8_ACTIVITY_JOB_MAX."""
