"""Recordings of the zoo: what every process did each second, and when it really served.

A recording is a gzip file of JSON lines. A recorder that was killed leaves one that ends early; it is read as
far as it goes. All times are CLOCK_MONOTONIC in milliseconds unless they say otherwise. The first line
describes the file, each other line is one record, an array whose first item is its kind:

``["p", index, pid, start_ticks, family, role, comm]``
    A process is seen for the first time, or its role has changed: ``worker``, ``master``, ``auxiliary`` or
    ``neighbour`` (the program that makes a cgroup thrash). Later records refer to it by ``index``.
``["s", time, boottime - time, [host...], [row...]]``
    A sample. ``host`` is the differences of :data:`HOST_FIELDS` to the sample before. A row is ``[index,
    mask, difference...]``: bit N of the mask says that :data:`FIELDS`[N] has changed, and the differences
    follow in the order of the bits. A process without a row has not changed.
``["x", time, index]``
    It has ended.
``["a", family, index, sent, duration, ms, touch, hold, swap, anonymous]``
    A request that was answered after ``duration`` milliseconds by process ``index``, which had to use ``ms``
    milliseconds of CPU, read ``touch`` percent of its heap and sleep ``hold`` milliseconds (part of the
    duration). ``swap`` and ``anonymous`` are VmSwap and RssAnon in kB, read right after the answer.
``["e", time, what, family, text]``
    What the story did: ``phase`` and ``phase end`` (no family, text is the name), ``push`` and ``push end``,
    ``thrash`` and ``thrash end``, ``wake one`` and ``wake all`` (and ``... end``), ``failed``.
``["q", time, family, [[index, SwapPss kB]...]]``
    Proportional swap of a family's processes, read at the end of a push-out and before wakes.
``["g", time, {group: {metric: value}}]``
    What the exporter reported at that time, if one ran beside the zoo: :data:`METRICS`, without prefix.
    Zeros are left out.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = 1
FIELDS = (
    "utime",  # clock ticks
    "stime",
    "cutime",
    "cstime",
    "minflt",  # faults
    "majflt",
    "threads",
    "state",  # code point of the letter
    "vm_swap",  # kB
    "rss_anon",
    "vm_rss",
    "voluntary",  # context switches of the leader
    "nonvoluntary",
    "run_us",  # schedstat summed over the threads, microseconds
    "wait_us",
    "timeslices",
    "swapin_pages",  # taskstats, all threads; 0 as long as delay accounting is off
    "blkio_us",
)
HOST_FIELDS = (
    "pswpin",  # pages
    "pswpout",
    "swpin_zero",
    "swpout_zero",
    "nr_swapcached",
    "mem_available",  # kB
    "swap_free",
    "reads",  # of the device that swap is on
    "reads_ms",
    "writes",
    "writes_ms",
    "delayacct",  # whether delay accounting is on
)

METRICS = (
    "idle_swapped_workers",
    "displaced_bytes",
    "stranded_bytes",
    "wake_bytes",
    "wake_seconds",
    "wake_all_seconds",
)
"""Of a group, each named swap_group_..."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One process in one sample: :data:`FIELDS` as they are in /proc."""

    utime: int
    stime: int
    cutime: int
    cstime: int
    minflt: int
    majflt: int
    threads: int
    state: str
    vm_swap: int
    rss_anon: int
    vm_rss: int
    voluntary: int
    nonvoluntary: int
    run_us: int
    wait_us: int
    timeslices: int
    swapin_pages: int
    blkio_us: int


@dataclass(slots=True)
class Recorded:
    """A process."""

    index: int
    pid: int
    start_ticks: int
    family: str
    role: str
    comm: str


@dataclass(frozen=True, slots=True)
class Sampled:
    """One second of the machine. ``readings`` is by index and shared: do not change it."""

    monotonic: float
    boottime: float
    host: Mapping[str, int]
    readings: Mapping[int, Reading]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request; seconds, and bytes."""

    family: str
    index: int
    sent: float
    answered: float
    ms: float
    touch: float
    hold: float
    swap: int
    anonymous: int

    @property
    def latency(self) -> float:
        return self.answered - self.sent - self.hold / 1000


@dataclass(frozen=True, slots=True)
class Event:
    monotonic: float
    what: str
    family: str
    text: str


@dataclass(slots=True)
class Recording:
    clock_ticks: int
    processes: list[Recorded] = field(default_factory=list)
    samples: list[Sampled] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    proportional: list[tuple[float, str, Mapping[int, int]]] = field(default_factory=list)
    """Time, family, SwapPss in bytes by index."""
    about: Mapping[str, Any] = field(default_factory=dict)
    scrapes: list[tuple[float, Mapping[str, Mapping[str, float]]]] = field(default_factory=list)
    """Time, and what the exporter reported then: by group, by metric."""


def load(path: Path) -> Recording:
    """All of a recording, or as much as there is of it. Raises OSError, and ValueError if it is of no use."""
    lines = _lines(path)
    about = json.loads(next(lines, "null"))
    if about is None:
        raise ValueError(f"{path}: no recording, not even its first line")
    if about["version"] != VERSION:
        raise ValueError(f"{path}: version {about['version']}, and this reads {VERSION}")
    # A file may be of a recorder with other fields: it names its own.
    fields, host_fields = about["fields"], about["host_fields"]
    recording = Recording(about["clock_ticks"], about=about)
    values: dict[int, list[int]] = {}
    readings: dict[int, Reading] = {}
    host = [0] * len(host_fields)
    by_index: dict[int, Recorded] = {}
    for line in lines:
        kind, *record = json.loads(line)
        if kind == "s":
            time, ahead, moved, rows = record
            host = [a + b for a, b in zip(host, moved, strict=True)]
            readings = dict(readings)
            for index, mask, *differences in rows:
                mine = values.setdefault(index, [0] * len(fields))
                given = iter(differences)
                for bit in range(len(fields)):
                    if mask >> bit & 1:
                        mine[bit] += next(given)
                named: dict[str, Any] = dict(zip(fields, mine, strict=True))
                named["state"] = chr(named["state"])
                readings[index] = Reading(**named)
            recording.samples.append(
                Sampled(
                    time / 1000, (time + ahead) / 1000, dict(zip(host_fields, host, strict=True)), readings
                )
            )
        elif kind == "p":
            process = Recorded(*record)
            by_index[process.index] = process
        elif kind == "x":
            readings = {index: reading for index, reading in readings.items() if index != record[1]}
        elif kind == "a":
            family, index, sent, duration, ms, touch, hold, swap, anonymous = record
            recording.answers.append(
                Answered(
                    family,
                    index,
                    sent / 1000,
                    (sent + duration) / 1000,
                    ms,
                    touch,
                    hold,
                    swap * 1024,
                    anonymous * 1024,
                )
            )
        elif kind == "e":
            recording.events.append(Event(record[0] / 1000, *record[1:]))
        elif kind == "g":
            recording.scrapes.append((record[0] / 1000, record[1]))
        elif kind == "q":
            shares = {index: share * 1024 for index, share in record[2]}
            recording.proportional.append((record[0] / 1000, record[1], shares))
    recording.processes = [by_index[index] for index in sorted(by_index)]
    recording.answers.sort(key=lambda answer: answer.answered)
    return recording


def _lines(path: Path) -> Iterator[str]:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    pending = b""
    with path.open("rb") as file:
        while packed := file.read(1 << 20):
            *whole, pending = (pending + unpack.decompress(packed)).split(b"\n")
            yield from (line.decode() for line in whole)


class Writer:
    """Appends records; what was written is on disk after :meth:`flush`."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._file = gzip.open(path, "wt", compresslevel=9)  # noqa: SIM115 it is closed by close
        head = {"version": VERSION, "fields": FIELDS, "host_fields": HOST_FIELDS, **about}
        self._file.write(json.dumps(head, separators=(",", ":")) + "\n")

    def write(self, *record: Any) -> None:
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
