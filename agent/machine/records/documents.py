"""The agent's own files: where each lies, what it is for, and what a missing or damaged one means.

Whatever a run finds there may be empty, cut off, garbage, or of another version.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin

from agent.machine.errors import AgentError, Problem
from agent.machine.formats.parsing import parse_json
from agent.machine.light.files import STATE as LIMIT
from agent.machine.records import keeping
from agent.machine.system import Facts, System
from agent.machine.values import frozen

T = TypeVar("T")

RUNTIME = "/dev/shm/devcopilot-UID"  # noqa: S108 - its name in the documentation
"""For this life of the container."""
STATE = "~/.local/state/devcopilot"
"""For all of them."""
HOST = "HOST"
"""In the name of a document: there is one for each GitHub host."""
DAMAGE = (ValueError, KeyError, TypeError, AttributeError)
"""What reading a damaged file ends in."""


def make_plain(value: Any) -> Any:
    """Return a value as JSON takes it; of a dataclass its fields."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@frozen
class Document(Generic[T]):
    """A file of JSON, for its owner alone (0600), replaced in one step."""

    folder: str
    """RUNTIME or STATE."""
    name: str
    meaning: str
    """For the documentation."""
    parse: Callable[[Any], T]
    """Turns JSON into what the file holds; raises one of DAMAGE when it is damaged."""
    empty: Callable[[], T] | None = None
    """What a missing file holds; None: that it is missing is an error."""
    strict: bool = False
    """Whether a damaged or unreadable file is an error, and does not count as a missing one."""
    hint: str = ""
    """What fixes that."""
    spare: bool = False
    """Whether the runtime folder keeps it while the state folder takes nothing."""
    durable: bool = False
    """Whether a power cut must not lose it, once it is written."""
    key: str = HOST
    """The word in its name that each of several is named for."""
    dump: Callable[[T], Any] = make_plain
    loads: Callable[[bytes], Any] = parse_json
    dumps: Callable[[Any], str] = lambda value: json.dumps(value, indent=1) + "\n"

    def path(self, facts: Facts, which: str = HOST) -> Path:
        """Return where it lies; `which` is the one of several that is meant."""
        folder = facts.state if self.folder == STATE else facts.runtime
        return folder / self._name(which)

    def encode(self, value: T) -> bytes:
        """Return the content of the file for a value."""
        return self.dumps(self.dump(value)).encode()

    def decode(self, content: bytes | None) -> T:
        """Return the value of a content, of a missing file for None or a damaged one."""
        try:
            return self._decode(content)
        except DAMAGE:
            return self._make_empty()

    def read(self, facts: Facts, which: str = HOST) -> T:
        """Return what the file holds. Raises AgentError as far as `empty` and `strict` say."""
        try:
            return self._decode(self.load(facts, which))
        except OSError as error:
            cause = error.strerror or str(error)
        except DAMAGE:
            cause = "it is damaged"
        if self.empty and not self.strict:
            return self.empty()
        raise AgentError(Problem(f"cannot read {self.path(facts, which)}: {cause}", self.hint))

    def load(self, facts: Facts, which: str = HOST) -> bytes | None:
        """Return the content of the file, or None. Raises OSError."""
        if self.spare:
            return keeping.recall(facts, self._name(which))
        return facts.read(self.path(facts, which), LIMIT)

    def write(self, facts: Facts, value: T, which: str = HOST) -> None:
        """Replace the file. Raises OSError."""
        content = self.encode(value)
        if self.spare:
            keeping.keep(facts, self._name(which), content)
            return
        path = self.path(facts, which)
        System(facts.environ).write_file(path, content, 0o600, durable=self.durable)

    def _name(self, which: str) -> str:
        return self.name.replace(self.key, which)

    def _decode(self, content: bytes | None) -> T:
        return self._make_empty() if content is None else self.parse(self.loads(content))

    def _make_empty(self) -> T:
        if self.empty is None:
            raise FileNotFoundError(None, "there is no such file")
        return self.empty()


def read_texts(rows: Any) -> dict[str, dict[str, str]]:
    """Return a JSON object of objects, everything in them as text. Raises one of DAMAGE."""
    return {
        str(name): {str(key): str(value) for key, value in row.items()}
        for name, row in rows.items()
    }


def fill(kind: type[T], row: Mapping[str, Any]) -> T:
    """Return a dataclass with what a JSON object holds of its fields.

    What is not of its field's kind counts for nothing. Raises TypeError where a field without a
    default is missing then.
    """
    values = {}
    for item in fields(kind):  # type: ignore[arg-type] # it is a dataclass
        value = row.get(item.name)
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            value = tuple(value)
        if type(value) is int and item.type is float:
            value = float(value)
        if item.name in row and _fits(value, item.type):
            values[item.name] = value
    return kind(**values)


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a field's type; of a mapping's values whether they are texts."""
    if isinstance(value, dict) and not all(isinstance(each, str) for each in value.values()):
        return False
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    kinds = tuple(get_origin(each) or each for each in kinds)
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
