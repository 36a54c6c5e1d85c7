"""The kinds of values in a configuration, and how each is parsed from text."""

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class KindError(ValueError):
    """The text is not a value of the kind. The message says what is expected."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value."""

    expected: str
    parse: Callable[[str], T]
    """Raises KindError."""
    quotes: bool = False
    """Whether quotes are allowed. They are not for numbers and booleans."""


def boolean() -> Kind[bool]:
    """``true`` or ``false``, and none of the other booleans of YAML 1.1."""
    expected = "true or false"

    def parse(text: str) -> bool:
        if text.lower() not in ("true", "false") or text not in (text.lower(), text.title(), text.upper()):
            raise KindError(expected)
        return text.lower() == "true"

    return Kind(expected, parse)


def whole_number(at_least: int) -> Kind[int]:
    expected = f"a whole number, at least {at_least}"

    def parse(text: str) -> int:
        if not _WHOLE.fullmatch(text) or int(text) < at_least:
            raise KindError(expected)
        return int(text)

    return Kind(expected, parse)


def signal_number() -> Kind[int]:
    """The name of a signal up to 31: stat in /proc shows no others."""
    expected = "the name of a signal such as SIGUSR1"
    numbers = {number.name: int(number) for number in signal.Signals if number < 32}

    def parse(text: str) -> int:
        if text not in numbers:
            raise KindError(expected)
        return numbers[text]

    return Kind(expected, parse)


def share(above_zero: bool = False) -> Kind[float]:
    """A number from 0 to 1."""
    expected = "a number above 0, at most 1" if above_zero else "a number from 0 to 1"

    def parse(text: str) -> float:
        if not _DECIMAL.fullmatch(text) or not 0 <= float(text) <= 1 or (above_zero and float(text) == 0):
            raise KindError(expected)
        return float(text)

    return Kind(expected, parse)


def duration(at_least: float | None = None, at_most: float = 366 * 86400.0) -> Kind[float]:
    """Seconds; above 0 without ``at_least``."""
    expected = "a duration such as 5m"

    def parse(text: str) -> float:
        units = _DURATION.fullmatch(text)
        if not text or units is None:
            raise KindError(expected)
        thousandths = sum(int(n) * unit for n, unit in zip(units.groups("0"), _MILLISECONDS, strict=True))
        if thousandths == 0:
            raise KindError("a duration above 0 such as 5m")
        seconds = thousandths / 1000
        if at_least is not None and seconds < at_least:
            raise KindError(f"a duration of at least {_spelled(at_least)}")
        if seconds > at_most:
            raise KindError(f"a duration of at most {_spelled(at_most)}")
        return seconds

    return Kind(expected, parse, quotes=True)


def size(at_least: int) -> Kind[int]:
    """Bytes: a whole number, or one with a unit."""
    expected = "a number of bytes such as 1048576 or 1MiB"

    def parse(text: str) -> int:
        parts = _SIZE.fullmatch(text)
        if parts is None:
            raise KindError(expected)
        value = int(parts[1]) * _BYTES[parts[2] or "B"]
        if value < at_least:
            raise KindError(f"{expected}, at least {at_least}")
        return value

    return Kind(expected, parse, quotes=True)


def _spelled(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


# The number of digits is limited: Python refuses to convert thousands of them.
_WHOLE = re.compile(r"0|[1-9][0-9]{0,15}")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?")
_DURATION = re.compile(
    r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_MILLISECONDS = (86_400_000, 3_600_000, 60_000, 1000, 1)
_SIZE = re.compile(r"(0|[1-9][0-9]{0,15})(B|[kK]B|[MGT]B|[KMGT]iB)?")
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
