"""The ring of the last 24 hours: what is kept, what is a gap, and what no damage can do."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from agent.machine.light.cgroup import Cgroup
from agent.observe.metrics import history
from agent.observe.metrics.history import HEAD, SIZE, SLOT, SLOTS, Ring, Values

DAY = 24 * 3600.0
LATER = 5 * DAY
VALUES: Values = (12.5, 2048.0, 65536.0, 131072.0, 7.0, 0.25)


def make(**changes: float | None) -> Values:
    names = ("processor", "memory", "workspace", "home", "processes", "load")
    return tuple(changes.get(name, value) for name, value in zip(names, VALUES, strict=True))


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(str(tmp_path / "ring"))


def test_what_is_put_in_comes_out(ring: Ring, tmp_path: Path) -> None:
    assert ring.put(LATER, VALUES)
    assert ring.read(LATER + 90) == [(90.0, VALUES)]
    state = (tmp_path / "ring").stat()
    assert (state.st_size, state.st_mode & 0o777) == (SIZE, 0o600)
    assert SIZE <= 64 * 1024


def test_a_day_fits_and_no_more(ring: Ring) -> None:
    for minute in range(SLOTS + 100):
        ring.put(LATER + minute * 60, make(processes=float(minute)))
    found = ring.read(LATER + (SLOTS + 99) * 60)
    assert [values[4] for _, values in found] == [float(n) for n in range(100, SLOTS + 100)]
    assert [earlier - later for (earlier, _), (later, _) in pairwise(found)] == [60.0] * (SLOTS - 1)
    assert not ring.read(LATER + 3 * DAY), "what is older is none of today's"


def test_a_minute_has_one_sample(ring: Ring) -> None:
    ring.put(LATER, VALUES)
    assert ring.has(LATER + 59)
    assert not ring.has(LATER + 60)


def test_a_gap_stays_a_gap(ring: Ring) -> None:
    for at in (0.0, 60.0, 6 * 3600.0):
        ring.put(LATER + at, VALUES)
    assert [ago for ago, _ in ring.read(LATER + 6 * 3600)] == [6 * 3600.0, 6 * 3600.0 - 60, 0.0]


def test_samples_of_the_future_do_not_count(ring: Ring) -> None:
    """As after a move to a machine that was started later."""
    ring.put(LATER + 3600, VALUES)
    assert not ring.read(LATER)
    ring.put(LATER, VALUES)
    assert len(ring.read(LATER)) == 1


def test_what_is_not_known_is_none(ring: Ring) -> None:
    ring.put(LATER, (None,) * 6)
    assert ring.read(LATER) == [(0.0, (None,) * 6)]


def test_no_value_is_too_large(ring: Ring) -> None:
    ring.put(LATER, (1e30, 1e30, -5.0, 1e30, 0.0, 1e30))
    ((_, values),) = ring.read(LATER)
    assert None not in values


def test_processor_time_becomes_processors_in_use(ring: Ring) -> None:
    most = history.WRAP * history.SCALES[history.PROCESSOR]
    for at, used in ((0, most - 30), (60, 0.0), (120, None), (180, 60.0), (240, 60.0), (300, 1e6)):
        ring.put(LATER + at, make(processor=used))
    found = [share for _, share in history.find_use(ring.read(LATER + 300))]
    assert found == [pytest.approx(0.5), None, None, 0.0, None], "one wraps, one is nonsense"


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"x" * SIZE, HEAD, HEAD + bytes(SIZE - len(HEAD) - 1), bytes(SIZE), HEAD * 9000],
)
def test_a_damaged_file_is_made_anew(ring: Ring, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ring").write_bytes(content)
    assert ring.read(LATER) == []
    assert not ring.has(LATER)
    ring.put(LATER, VALUES)
    assert ring.read(LATER) == [(0.0, VALUES)]


def test_garbage_in_the_slots_is_a_gap(ring: Ring, tmp_path: Path) -> None:
    noise = os.urandom(SIZE - len(HEAD))
    (tmp_path / "ring").write_bytes(HEAD + noise)
    assert ring.read(LATER) == []


@pytest.mark.parametrize("cut", range(SLOT))
def test_a_torn_write_is_a_gap_and_harms_no_other(ring: Ring, tmp_path: Path, cut: int) -> None:
    ring.put(LATER, VALUES)
    ring.put(LATER + 60, VALUES)
    content = bytearray((tmp_path / "ring").read_bytes())
    place = history.find_place(int(LATER // 60) + 1)
    content[place + cut] ^= 0xFF
    (tmp_path / "ring").write_bytes(bytes(content))
    assert ring.read(LATER + 60) == [(60.0, VALUES)]


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_is_no_file_is_replaced_and_never_waited_for(
    ring: Ring, tmp_path: Path, kind: str
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    if kind == "link":
        (tmp_path / "ring").symlink_to(other)
    else:
        os.mkfifo(tmp_path / "ring")
    assert ring.read(LATER) == []
    ring.put(LATER, VALUES)
    assert ring.read(LATER) == [(0.0, VALUES)]
    assert other.read_bytes() == b"mine"


def test_a_sample_of_this_machine(tmp_path: Path) -> None:
    assert history.note(str(tmp_path), str(tmp_path), "/missing")
    assert not history.note(str(tmp_path), str(tmp_path), "/missing")
    ((ago, values),) = history.load(str(tmp_path))
    assert 0 <= ago < 60
    assert values[history.WORKSPACE]
    assert values[history.HOME] is None


def test_without_a_cgroup_the_rest_is_known(tmp_path: Path) -> None:
    found = history.take_sample("/", "/", Cgroup(str(tmp_path), str(tmp_path / "none")))
    assert (found[history.PROCESSOR], found[history.MEMORY]) == (None, None)
    assert found[history.HOME]


def test_it_is_light() -> None:
    """The job of activity, which runs each 30 s, keeps samples as well."""
    root = Path(history.__file__).parents[3]
    script = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from agent.observe.metrics import history\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert not {"dataclasses", "pathlib", "typing", "json", "subprocess", "inspect"} & {
        *done.stdout.split()
    }
