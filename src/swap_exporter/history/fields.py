"""Values of a JSON document that somebody else may have written: each is checked before it is used."""

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
Read = Callable[[object], Value]
"""Reads one value. Raises FieldError."""

_SHOWN = 40


class FieldError(ValueError):
    """A value is not what belongs there; the message says what was found and what was expected."""

    def __init__(self, expected: str, found: object) -> None:
        # A list may be all of the file, and Python refuses to print whole numbers of thousands of digits.
        short = isinstance(found, str | float | None) or (isinstance(found, int) and found.bit_length() <= 64)
        shown = repr(found)[:_SHOWN] if short else type(found).__name__
        super().__init__(f"found {shown}, expected {expected}")


def number(least: float, most: float) -> Read[float]:
    """A number in this range; ``true``, NaN and infinity are none."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise FieldError(f"a number from {least:g} to {most:g}", value)
        return float(value)

    return read


def whole(least: int, most: int) -> Read[int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise FieldError(f"a whole number from {least} to {most}", value)
        return value

    return read


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise FieldError("true or false", value)
    return value


def text(value: object) -> str:
    if not isinstance(value, str):
        raise FieldError("a text", value)
    return value


def optional(read: Read[Value]) -> Read[Value | None]:
    return lambda value: None if value is None else read(value)


def rows(read: Read[Value]) -> Read[list[Value]]:
    """A list of any length."""

    def read_all(value: object) -> list[Value]:
        return [read(each) for each in _list(value)]

    return read_all


def row(value: object, length: int) -> list[object]:
    """A list of exactly so many values, which are not read yet."""
    values = _list(value)
    if len(values) != length:
        raise FieldError(f"{length} values", f"{len(values)} values")
    return values


def field(document: object, name: str, read: Read[Value]) -> Value:
    """The value of a key; the message of an error names it."""
    if not isinstance(document, dict):
        raise FieldError("an object", document)
    if name not in document:
        raise FieldError(f"the key {name}", "none")
    try:
        return read(document[name])
    except FieldError as error:
        raise ValueError(f"{name}: {error}") from None


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise FieldError("a list", value)
    return value


FOREVER = 1e11
"""Seconds: some 3,000 years."""
COUNT = (1 << 63) - 1
"""The largest counter or size in bytes that is accepted: 63 bits."""
