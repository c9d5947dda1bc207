"""Values of ours behave as those of `dataclass(frozen=True)`, which this holds side by side."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from agent.machine.values import frozen


@frozen
class Ours:
    """A value."""

    name: str
    size: int = 1
    secret: str = field(default="", repr=False)
    kept: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Usual:
    """The same, as the standard library makes it."""

    name: str
    size: int = 1
    secret: str = field(default="", repr=False)
    kept: dict[str, int] = field(default_factory=dict, compare=False)


@frozen
class Longer(Ours):
    """A value with one more field."""

    more: tuple[str, ...] = ()


@frozen
class Own:
    """A value with methods of its own."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name.upper())

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


def test_it_is_shown_as_usual_and_hides_what_is_hidden() -> None:
    ours, usual = Ours("a", secret="hunter2"), Usual("a", secret="hunter2")
    assert repr(ours) == repr(usual).replace("Usual", "Ours")
    assert "hunter2" not in repr(ours)


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        (("a",), ("a", 1), True),
        (("a",), ("b",), False),
        (("a", 1, "x"), ("a", 1, "y"), False),
        (("a", 1, "", {"b": 1}), ("a", 1, "", {}), True),
    ],
)
def test_two_with_the_same_fields_are_one(
    first: tuple[Any, ...], second: tuple[Any, ...], equal: bool
) -> None:
    assert (Ours(*first) == Ours(*second)) is (Usual(*first) == Usual(*second)) is equal
    assert (len({Ours(*first), Ours(*second)}) == 1) is equal


def test_another_class_is_never_equal() -> None:
    others: list[object] = [Usual("a"), Longer("a"), ("a", 1, "", {})]
    assert not any(Ours("a") == other for other in others)


@pytest.mark.parametrize("kind", [Ours, Usual, Longer])
def test_nothing_changes_it(kind: type[Any]) -> None:
    value = kind("a")
    for name in ("name", "size", "other"):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, "b")
        with pytest.raises(FrozenInstanceError):
            delattr(value, name)
    assert value == kind("a")


def test_the_tools_of_dataclasses_take_it() -> None:
    value = Longer("a", more=("x",))
    assert [each.name for each in fields(value)] == ["name", "size", "secret", "kept", "more"]
    assert replace(value, name="b") == Longer("b", more=("x",))
    assert asdict(value) == {"name": "a", "size": 1, "secret": "", "kept": {}, "more": ("x",)}
    match value:
        case Longer(name, size):
            assert (name, size) == ("a", 1)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_a_copy_is_equal_and_never_changes_either(duplicate: Callable[[Any], Any]) -> None:
    value = Longer("a", more=("x",), kept={"b": 1})
    found = duplicate(value)
    assert (found, found.kept) == (value, value.kept)
    with pytest.raises(FrozenInstanceError):
        found.name = "b"


def test_a_field_without_a_hash_leaves_none_to_the_value() -> None:
    for kind in (Ours, Usual):
        with pytest.raises(TypeError, match="unhashable"):
            hash(kind("a", size=[]))  # type: ignore[arg-type]


def test_each_has_its_own_default() -> None:
    first, second = Ours("a"), Ours("a")
    first.kept["b"] = 1
    assert second.kept == {}


def test_its_own_methods_stay() -> None:
    assert Own("a").name == "A"
    assert repr(Own("a")) == "own"
    assert Own("a") == Own("b")
    assert hash(Own("a")) == 7


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((), {}),
        (("a",), {"name": "b"}),
        (("a", 1, "", {}, "more"), {}),
        (("a",), {"other": 1}),
        ((), {"size": 1}),
    ],
)
def test_wrong_arguments_are_refused_as_usual(
    given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    for kind in (Ours, Usual):
        with pytest.raises(TypeError, match=kind.__name__):
            kind(*given, **named)


@frozen
class Counted:
    """A value with a field that only it itself sets."""

    name: str
    found: list[str] = field(default_factory=list, init=False)
    length: int = field(init=False)

    def __post_init__(self) -> None:
        vars(self)["length"] = len(self.name)


def test_a_field_that_is_no_argument_is_set_all_the_same() -> None:
    value = Counted("abc")
    assert (value.found, value.length) == ([], 3)
    assert Counted("a").found is not value.found
    with pytest.raises(TypeError, match="Counted"):
        Counted("abc", [])  # type: ignore[call-arg]
