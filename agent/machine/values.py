"""Values: classes whose fields are set once, as `dataclass(frozen=True)` makes them.

That one writes and compiles six functions for each class, which takes 0.3 ms; a page has 135 such
classes, and the start of a container 100. Here nothing is compiled: an eighth of the time. All else
of `dataclasses` works with them: `field`, `fields`, `replace`, `asdict`, `__post_init__`.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """Make a class one of values: two with the same fields are equal, and none ever changes.

    A method that the class itself has, such as `__repr__`, stays.
    """
    shared = {"__eq__": _equal, "__hash__": _hash, "__repr__": _represent}
    own = {name: method for name, method in shared.items() if name not in vars(kind)}
    made = dataclass(init=False, eq=False, repr=False)(kind)
    always = {
        "__init__": _make_init(made), "__setattr__": _set_once, "__delattr__": _refuse_delete,
    }  # fmt: skip
    for name, method in (own | always).items():
        setattr(made, name, method)
    return made


def _make_init(kind: type) -> Callable[..., None]:
    """Return what sets the fields, with the arguments and the errors of the usual one."""
    known = fields(kind)
    wanted = [each.name for each in known if each.init]
    later = [frozenset(wanted[number:]) for number in range(len(wanted) + 1)]
    defaults = {each.name: each.default for each in known if each.default is not MISSING}
    makers = [
        (each.name, each.default_factory) for each in known if each.default_factory is not MISSING
    ]
    count = len({*wanted, *defaults, *(name for name, _ in makers)})
    has_more = hasattr(kind, "__post_init__")

    def initialise(self: Any, *given: object, **named: object) -> None:
        if len(given) > len(wanted) or not named.keys() <= later[len(given)]:
            raise TypeError(f"{kind.__qualname__}() takes {', '.join(wanted)}, each once")
        values = vars(self)
        values.update(defaults)
        values.update(zip(wanted, given))  # noqa: B905 - the first may be all that are given
        values.update(named)
        for name, make in makers:
            if name not in values:
                values[name] = make()
        if len(values) < count:
            missing = ", ".join(name for name in wanted if name not in values)
            raise TypeError(f"{kind.__qualname__}() misses {missing}")
        if has_more:
            self.__post_init__()

    return initialise


def _read_compared(value: Any) -> tuple[object, ...]:
    return tuple(getattr(value, each.name) for each in fields(value) if each.compare)


def _equal(self: object, other: object) -> object:
    if type(other) is not type(self):
        return NotImplemented
    return _read_compared(self) == _read_compared(other)


def _hash(self: object) -> int:
    return hash(_read_compared(self))


def _represent(self: Any) -> str:
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _set_once(self: Any, name: str, value: object) -> None:
    """Set a field, as `__init__` does; whoever sets it again, or anything else, is refused."""
    if name in vars(self) or name not in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    vars(self)[name] = value


def _refuse_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
