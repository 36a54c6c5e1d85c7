"""The state file: what the history cannot read again after a restart.

A new field needs a line in :func:`_document` and :func:`_persisted_state`, or one in :func:`_activity_state`;
and a new ``FORMAT``.
"""

import json

from swap_exporter import regular_file
from swap_exporter.history import fields
from swap_exporter.history.activity import ActivityState
from swap_exporter.history.activity_tracker import PersistedState
from swap_exporter.history.fields import (
    COUNT,
    FOREVER,
    field,
    number,
    optional,
    row,
    rows,
    text,
    truth,
    whole,
)
from swap_exporter.history.work import Level, Usage
from swap_exporter.replacing import replace_file
from swap_exporter.sampling.sample import CpuClock, Identity, Instant

FORMAT = 2
MAX_AGE = 3600.0
"""Seconds after which what was remembered says too little about now."""
MAX_BYTES = 8 << 20
"""Some 40,000 workers. Parsed, it takes up to twenty times as much memory, and the unit has a limit."""

_MODE = 0o600
_LONGEST_WINDOW = 366 * 86400.0
_MOST_CORES = 1 << 16


class StateFileError(Exception):
    """Why a state file is left aside, or could not be written: one line for the log."""


def save(path: str, persisted: PersistedState, boot_id: str) -> None:
    """Replace the file atomically. Raises :class:`StateFileError`."""
    content = json.dumps(_document(persisted, boot_id), separators=(",", ":")).encode()
    if len(content) > MAX_BYTES:
        raise StateFileError(f"{path}: would have {len(content)} bytes, expected at most {MAX_BYTES}")
    try:
        replace_file(path, content, _MODE)
    except OSError as error:
        raise StateFileError(f"{path}: cannot be written: {error.strerror}") from error


def load(path: str, boot_id: str, now: Instant) -> PersistedState:
    """Read what an earlier run of this boot left. Raises :class:`StateFileError` where it is of no use."""
    raw = _read(path)
    try:
        document = json.loads(raw)
        _check_origin(path, document, boot_id)
        at = field(document, "at", _instant)
        age = now.boottime - at.boottime
        if not 0 <= age <= MAX_AGE or at.monotonic > now.monotonic:
            raise StateFileError(f"{path}: is {age:.0f} s old, expected 0 to {MAX_AGE:.0f} s")
        return _persisted_state(document, at)
    except (ValueError, RecursionError) as error:
        # Of the parser's own errors the message says nothing to a person.
        reason = (
            "" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError) else error
        )
        suffix = f": {reason}" if reason else ""
        raise StateFileError(f"{path}: is not a state file that this version wrote{suffix}") from error


def _read(path: str) -> bytes:
    try:
        return regular_file.read(path, MAX_BYTES)
    except FileNotFoundError as error:
        raise StateFileError(f"{path}: there is none yet") from error
    except regular_file.UnsuitableFileError as error:
        raise StateFileError(f"{path}: {error.strerror}") from error
    except OSError as error:
        raise StateFileError(f"{path}: cannot be read: {error.strerror}") from error


def _check_origin(path: str, document: object, boot_id: str) -> None:
    """Before anything else: another format may have anything else in it."""
    version = field(document, "format", whole(0, COUNT))
    if version != FORMAT:
        raise StateFileError(f"{path}: is of format {version}, expected {FORMAT}")
    if field(document, "boot_id", lambda value: value) != boot_id:
        raise StateFileError(f"{path}: is of another boot of this machine")


def _document(persisted: PersistedState, boot_id: str) -> dict[str, object]:
    return {
        "format": FORMAT,
        "boot_id": boot_id,
        "at": persisted.at,
        "watching_since": [[window, since] for window, since in persisted.watching_since.items()],
        "levels": [[group, *level] for group, level in persisted.levels.items()],
        "watches": [[*identity, *state] for identity, state in persisted.states.items()],
    }


def _persisted_state(document: object, at: Instant) -> PersistedState:
    """Nothing in it may be younger than ``at``: it would count as unknown until that time comes."""

    def watching_since(value: object) -> tuple[float, Instant]:
        window, since = row(value, 2)
        return number(0.001, _LONGEST_WINDOW)(window), _past(since, at)

    def activity_state(value: object) -> tuple[Identity, ActivityState]:
        pid, start, *rest = row(value, 2 + len(ActivityState._fields))
        return (whole(1, 1 << 31)(pid), whole(0, COUNT)(start)), _activity_state(rest, at)

    return PersistedState(
        at=at,
        states=dict(field(document, "watches", rows(activity_state))),
        levels=dict(field(document, "levels", rows(_level))),
        watching_since=dict(field(document, "watching_since", rows(watching_since))),
    )


def _activity_state(values: list[object], at: Instant) -> ActivityState:
    (
        since,
        start,
        start_usage,
        start_swap,
        least_swap,
        usage,
        swap,
        last_active,
        last_small,
        last_unclear,
        cold,
        swapped,
        window,
    ) = values
    past, size = number(-FOREVER, at.monotonic), whole(0, COUNT)
    return ActivityState(
        since=_past(since, at),
        start=past(start),
        start_usage=_usage(start_usage),
        start_swap=size(start_swap),
        least_swap=size(least_swap),
        usage=_usage(usage),
        swap=size(swap),
        last_active=optional(lambda value: _past(value, at))(last_active),
        last_small=optional(past)(last_small),
        last_unclear=optional(lambda value: _past(value, at))(last_unclear),
        cold=size(cold),
        swapped=truth(swapped),
        window=tuple(rows(lambda value: _window_reading(value, at))(window)),
    )


def _window_reading(value: object, at: Instant) -> tuple[float, float]:
    when, cpu = row(value, 2)
    return number(-FOREVER, at.monotonic)(when), number(0, FOREVER)(cpu)


def _usage(value: object) -> Usage:
    count = whole(0, COUNT)
    ticks, user_ticks, children_ticks, clock, switches, major_faults = row(value, len(Usage._fields))
    return Usage(
        ticks=count(ticks),
        user_ticks=count(user_ticks),
        children_ticks=count(children_ticks),
        clock=optional(_clock)(clock),
        switches=optional(count)(switches),
        major_faults=count(major_faults),
    )


def _clock(value: object) -> CpuClock:
    running_ns, timeslices = row(value, 2)
    return CpuClock(whole(0, COUNT)(running_ns), whole(0, COUNT)(timeslices))


def _level(value: object) -> tuple[str, Level]:
    group, share, steps = row(value, 3)
    return text(group), Level(number(0, _MOST_CORES)(share), whole(0, COUNT)(steps))


def _instant(value: object) -> Instant:
    seconds = number(-FOREVER, FOREVER)
    monotonic, boottime, wall = row(value, 3)
    return Instant(seconds(monotonic), seconds(boottime), seconds(wall))


def _past(value: object, at: Instant) -> Instant:
    instant = _instant(value)
    if instant.monotonic > at.monotonic or instant.boottime > at.boottime:
        raise fields.FieldError("a time before the file was written", "a later one")
    return instant
