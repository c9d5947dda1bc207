"""Makes the archive: collects the parts, cleans them, and looks once more at what it has made."""

import gzip
import io
import json
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from agent import __version__
from agent.machine.deadline import deadline
from agent.machine.errors import AgentError, Problem
from agent.machine.light.clock import timestamp
from agent.machine.values import frozen
from agent.observe.bundle.cleaning import Cleaner
from agent.observe.bundle.part import Content, Part, Source
from agent.observe.bundle.records import LONGEST_LOG

LONGEST = 4 * 2**20
"""Bytes of a member that is no log."""
MOST = 64 * 2**20
"""Bytes of all members together."""
ELSEWHERE = (
    "the log of the container itself is only with its engine: docker logs, kubectl logs",
    "nothing of the home folder and of the workspace is in here",
)
NO_PROMISE = (
    "known secrets and their usual shapes are masked; look through it before you pass it on"
)


class LeakError(AgentError):
    """The finished archive would hold a secret: nothing is written."""


@frozen
class Member:
    """What the manifest says of a member."""

    name: str
    meaning: str
    size: int = 0
    truncated: bool = False
    error: str = ""
    """Why it is not here; empty: it is."""


@dataclass
class Archive:
    """An archive in the making."""

    cleaner: Cleaner
    members: list[Member] = field(default_factory=list)
    _files: list[tuple[str, bytes]] = field(default_factory=list)
    _size: int = 0

    def collect(self, parts: Sequence[Part], source: Source) -> None:
        """Make each part; what goes wrong is noted in its place."""
        for part in parts:
            try:
                with deadline(part.timeout):
                    for content in _make(part, source):
                        self._add(part, content)
            except AgentError as error:
                self._note(part, str(error.problems[0]))
            except OSError as error:
                self._note(part, _explain(error))
            except Exception as error:
                self._note(part, f"internal error: {type(error).__name__}")

    def _note(self, part: Part, error: str) -> None:
        cleaned = self.cleaner.clean(error.encode(errors="replace")).decode(errors="replace")
        self.members.append(Member(part.name, part.meaning, error=cleaned))

    def _add(self, part: Part, content: Content) -> None:
        name = self.cleaner.clean(content.name.encode(errors="replace")).decode(errors="replace")
        data, cut = shorten(
            self.cleaner.clean(content.data), LONGEST_LOG if part.is_log else LONGEST
        )
        if self._size + len(data) > MOST:
            self.members.append(Member(name, part.meaning, error="the bundle would be too large"))
            return
        self._size += len(data)
        self._files.append((name, data))
        self.members.append(Member(name, part.meaning, len(data), content.truncated or cut))

    def finish(self) -> bytes:
        """Return the archive, gzip'ed. Raises LeakError when a secret is in it all the same."""
        manifest = {
            "schema": 1,
            "made": timestamp(time.time(), digits=0),
            "agent": __version__,
            "members": [asdict(member) for member in self.members],
            "masked": {name: count for name, count in self.cleaner.counts.items() if count},
            "elsewhere": ELSEWHERE,
            "note": NO_PROMISE,
        }
        files = [("manifest.json", encode(manifest)), *self._files]
        packed = pack(files)
        verify(packed, self.cleaner)
        return packed


def _explain(error: OSError) -> str:
    """Return why a member is missing, with the file if one is to blame."""
    cause = error.strerror or str(error)
    return f"cannot read {error.filename}: {cause}" if error.filename else cause


def _make(part: Part, source: Source) -> Iterator[Content]:
    made = part.make(source)
    if isinstance(made, bytes):
        yield Content(part.name, made)
    elif isinstance(made, dict):
        yield Content(part.name, encode(made))
    else:
        for content in made:
            assert isinstance(content, Content)  # noqa: S101 - a mapping is a dict here
            yield content


def encode(document: object) -> bytes:
    """Return a JSON document."""
    return json.dumps(document, indent=1, default=str, ensure_ascii=False).encode(
        errors="replace"
    ) + b"\n"  # fmt: skip


def shorten(data: bytes, longest: int) -> tuple[bytes, bool]:
    """Return the end of a text, from the beginning of a line, and whether that is less."""
    if len(data) <= longest:
        return data, False
    end = data[-longest:]
    return end[end.find(b"\n") + 1 :], True


def pack(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a tar of these files, each for its owner alone, gzip'ed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(f"devcopilot-support/{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def verify(packed: bytes, cleaner: Cleaner) -> None:
    """Unpack the archive and search it, headers and each member. Raises LeakError."""
    plain = gzip.decompress(packed)
    found = {"the archive's headers": set(cleaner.find(_read_headers(plain)))}
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            found[entry.name] = set(cleaner.find(file.read() if file else b""))
    leaks = [f"{name} ({', '.join(sorted(rules))})" for name, rules in found.items() if rules]
    if leaks:
        raise LeakError(
            Problem(
                f"cannot write the bundle: something like a secret is left in {'; '.join(leaks)}",
                "devcopilot support-bundle --no-logs; please report it without the content",
            )
        )


def _read_headers(plain: bytes) -> bytes:
    """Return the names of the members."""
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
        return "\n".join(archive.getnames()).encode(errors="surrogateescape")
