"""The history's memory in a file, so that a restart forgets nothing that cannot be read again."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from swap_exporter.history.watch import Watch
from swap_exporter.history.watches import Memory
from swap_exporter.history.work import Level, Usage
from swap_exporter.sampling.sample import CpuClock, Instant

FORMAT = 2
MAX_AGE = 3600.0
"""Seconds after which what was remembered says too little about now."""


class StateFileError(Exception):
    """Why a state file is left aside, or could not be written: one line for the log."""


def save(path: str, memory: Memory, boot_id: str) -> None:
    """Replace the file atomically. Raises :class:`StateFileError`."""
    content = {
        "format": FORMAT,
        "boot_id": boot_id,
        "at": memory.at,
        "watching_since": [[window, since] for window, since in memory.watching_since.items()],
        "levels": [[group, *level] for group, level in memory.levels.items()],
        "watches": [[*identity, *watch] for identity, watch in memory.watches.items()],
    }
    target = Path(path)
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(content, file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise StateFileError(f"{path}: cannot be written: {error.strerror}") from error


def load(path: str, boot_id: str, now: Instant) -> Memory:
    """Read what an earlier run of this boot left. Raises :class:`StateFileError` where it is of no use."""
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise StateFileError(f"{path}: there is none yet") from error
    except OSError as error:
        raise StateFileError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        content = json.loads(raw)
        if content["format"] != FORMAT:
            raise StateFileError(f"{path}: is of format {content['format']!r}, expected {FORMAT}")
        if content["boot_id"] != boot_id:
            raise StateFileError(f"{path}: is of another boot of this machine")
        at = _instant(content["at"])
        age = now.boottime - at.boottime
        if not 0 <= age <= MAX_AGE:
            raise StateFileError(f"{path}: is {age:.0f} s old, expected 0 to {MAX_AGE:.0f} s")
        return Memory(
            at=at,
            watches={(int(pid), int(start)): _watch(fields) for pid, start, *fields in content["watches"]},
            levels={str(group): Level(float(share), int(steps)) for group, share, steps in content["levels"]},
            watching_since={float(window): _instant(since) for window, since in content["watching_since"]},
        )
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise StateFileError(f"{path}: is not a state file that this version wrote") from error


def _instant(fields: Any) -> Instant:
    monotonic, boottime, wall = fields
    return Instant(float(monotonic), float(boottime), float(wall))


def _watch(fields: Any) -> Watch:
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
    ) = fields
    return Watch(
        since=_instant(since),
        start=float(start),
        start_usage=_usage(start_usage),
        start_swap=int(start_swap),
        least_swap=int(least_swap),
        usage=_usage(usage),
        swap=int(swap),
        last_active=None if last_active is None else _instant(last_active),
        last_small=None if last_small is None else float(last_small),
        last_unclear=None if last_unclear is None else float(last_unclear),
        cold=int(cold),
        swapped=bool(swapped),
        window=tuple((float(at), float(cpu)) for at, cpu in window),
    )


def _usage(fields: Any) -> Usage:
    ticks, user_ticks, children_ticks, clock, switches, major_faults = fields
    return Usage(
        int(ticks),
        int(user_ticks),
        int(children_ticks),
        None if clock is None else CpuClock(*map(int, clock)),
        None if switches is None else int(switches),
        int(major_faults),
    )
