"""What a setting may be: types that pydantic enforces and that describe themselves to people.

A type is a plain one (``bool``), a ``Literal``, or an ``Annotated`` with bounds from
``annotated_types``; `Rule` and `OneOf` add what bounds cannot express. The same type refuses a
value (`fitted`) and describes what it takes in an error or in ``--help`` (`needed`), so that the
two cannot disagree. pydantic is imported where it is used, because the extract tool imports the
settings and validates nothing.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Interval, Le, Lt, MinLen, Predicate


@dataclass(frozen=True)
class Rule(GroupedMetadata):
    """A condition, and the words that name what fulfils it."""

    words: str
    holds: Callable[[Any], bool]

    def __iter__(self) -> Iterator[Predicate]:
        yield Predicate(self.holds)


@dataclass(frozen=True)
class OneOf(GroupedMetadata):
    """A choice among names that are known only at run time, such as the files of a folder."""

    names: Callable[[], Sequence[str]]

    @property
    def words(self) -> str:
        """List the names."""
        return f"one of {', '.join(self.names())}"

    def __iter__(self) -> Iterator[Predicate]:
        yield Predicate(lambda value: value in self.names())


def _is_address(family: socket.AddressFamily) -> Callable[[str], bool]:
    """Compare with TShark's spelling, because addresses are compared with its fields as text."""

    def holds(text: str) -> bool:
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text)) == text
        except (OSError, ValueError):  # ValueError: text with a null character
            return False

    return holds


NOT_EMPTY = MinLen(1)
DISTINCT = Rule("without repeats", lambda values: len(set(values)) == len(values))

Text = Annotated[str, NOT_EMPTY]
Count = Annotated[int, Ge(1)]
Count32 = Annotated[int, Interval(ge=1, le=2**31 - 1)]  # for libraries that count in 32 bits
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Gt(0), Lt(1)]
Port = Annotated[int, Interval(ge=0, le=65535)]
Workers = Annotated[
    int, Rule("a whole number >= 1, or -1 for one per core", lambda n: n == -1 or n >= 1)
]
IPv4 = Annotated[str, Rule("an IPv4 address as in 192.168.100.147", _is_address(socket.AF_INET))]
IPv6 = Annotated[
    str,
    Rule(
        "an IPv6 address in its short lower-case form as in fe80::1", _is_address(socket.AF_INET6)
    ),
]


def needed(kind: Any) -> str:
    """Describe in words what the type `kind` takes."""
    if get_origin(kind) is Annotated:
        kind, *marks = get_args(kind)
    else:
        marks = []
    rules = [mark.words for mark in marks if isinstance(mark, Rule | OneOf)]
    empty = ["not empty"] if NOT_EMPTY in marks else []
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is list:
        return ", ".join(["a list", *empty, *rules, f"each {needed(get_args(kind)[0])}"])
    if rules:
        return rules[0]
    if kind in (int, float):
        number = "a whole number" if kind is int else "a number"
        return f"{number} {_bounds(marks)}".rstrip()
    return ", ".join([{bool: "true or false", str: "text"}[kind], *empty])


def fitted(kind: Any, value: Any) -> Any:
    """Return `value` if the type `kind` takes it; as a float where that is what `kind` is.

    Nothing else is converted: "1" is no number, 1.0 no whole number, and true neither. Infinities
    and NaN are no numbers.

    Raises
    ------
    ValueError
        With what is needed and what was found.
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    config = ConfigDict(strict=True, allow_inf_nan=False)
    try:
        return TypeAdapter(kind, config=config).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        item = f" (item {first['loc'][0] + 1}: {shown(first['input'])})" if first["loc"] else ""  # type: ignore[operator]
        raise ValueError(f"needs {needed(kind)}, found {shown(value)}{item}") from None


def shown(value: Any) -> str:
    """Write a value as it would stand in YAML, text in quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return repr(value)


def _bounds(marks: list[Any]) -> str:
    """Write bounds as in ``>= 0 and < 1``."""
    flat = [one for mark in marks for one in (mark if isinstance(mark, Interval) else [mark])]
    signs = {Ge: ">= {.ge}", Gt: "> {.gt}", Le: "<= {.le}", Lt: "< {.lt}"}
    return " and ".join(signs[type(one)].format(one) for one in flat if type(one) in signs)
