"""Samples the processes of the zoo once a second, and writes down what really happened meanwhile."""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.taskstats import TaskStats
from tests.zoo.family import Answer, Family
from tests.zoo.recording import FIELDS, HOST_FIELDS, Writer

_ROLE_IS_FINAL = 60.0
"""Seconds after which a process keeps the role that it was seen in; titles change while a server starts."""


class _Seen:
    def __init__(self, index: int, family: str, first: float) -> None:
        self.index = index
        self.family = family
        self.first = first
        self.role = ""
        self.values = [0] * len(FIELDS)


class Recorder(threading.Thread):
    def __init__(
        self, path: Path, families: Sequence[Family], story: str = "zoo", factor: float = 1.0
    ) -> None:
        super().__init__(name="recorder", daemon=True)
        self.families = list(families)
        self.interval = min(1.0, 10 * factor)
        about = {
            "clock_ticks": os.sysconf("SC_CLK_TCK"),
            "families": {family.name: family.group for family in families},
            "ticking": [family.name for family in families if family.ticking],
            "light": [family.name for family in families if family.light],
            "story": story,
            "interval": self.interval,
            "after": 300 * factor,
            "tick": 15 * factor,
            "kernel": os.uname().release,
        }
        self._writer = Writer(path, about)
        self._lock = threading.Lock()
        self._seen: dict[tuple[int, int], _Seen] = {}
        self._by_pid: dict[int, _Seen] = {}
        self._indices = itertools.count()
        self._host = [0] * len(HOST_FIELDS)
        self._device = _swap_device()
        self._over = threading.Event()
        self._taskstats: TaskStats | None = None
        with contextlib.suppress(KernelFileError):
            self._taskstats = TaskStats()
        for family in families:
            family.on_answer = lambda answer, family=family: self.answered(family, answer)  # type: ignore[misc]

    def run(self) -> None:
        due = time.monotonic()
        count = 0
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.interval, time.monotonic())
            self._sample()
            count += 1
            if count % 20 == 0:
                with self._lock:
                    self._writer.flush()

    def stop(self) -> None:
        self._over.set()
        self.join(120)
        with self._lock:
            self._writer.close()

    def event(self, what: str, family: str = "", text: str = "") -> None:
        with self._lock:
            self._writer.write("e", _now(), what, family, text)

    def answered(self, family: Family, answer: Answer) -> None:
        """Called right after each answer, by the thread that has asked."""
        status = _status(answer.pid)
        with self._lock:
            seen = self._by_pid.get(answer.pid)
            if seen is None:
                return
            request = answer.request
            self._writer.write(
                "a",
                family.name,
                seen.index,
                int(answer.sent * 1000),
                round((answer.answered - answer.sent) * 1000, 1),
                0 if family.light else request.ms,
                request.touch,
                request.hold,
                status.get("VmSwap", 0),
                status.get("RssAnon", 0),
            )

    def scraped(self, at: float, groups: Mapping[str, Mapping[str, float]]) -> None:
        with self._lock:
            self._writer.write("g", int(at * 1000), groups)

    def proportional(self, family: Family) -> None:
        """Write down SwapPss of all its processes."""
        found = []
        for pid in family.members():
            with contextlib.suppress(OSError):
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                if pid in self._by_pid:
                    share = int(rollup.partition("\nSwapPss:")[2].split()[0])
                    found.append((self._by_pid[pid].index, share))
        with self._lock:
            self._writer.write("q", _now(), family.name, found)

    def _sample(self) -> None:
        at, boot = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
        host = self._read_host()
        rows = []
        alive = set()
        new = []
        delays = {}
        members = [(family, pid) for family in self.families for pid in family.members()]
        if self._taskstats is not None and host[-1]:
            with contextlib.suppress(KernelFileError):
                delays = self._taskstats.read([pid for _, pid in members])
        workers: dict[str, list[int]] = {}
        for family, pid in members:
            try:
                raw = Path(f"/proc/{pid}/stat").read_bytes()
                status = _status(pid)
                schedstat = _schedstat(pid)
            except OSError:
                continue
            comm, _, rest = raw.partition(b"(")[2].rpartition(b")")
            stat = rest.split()
            identity = pid, int(stat[19])
            alive.add(identity)
            seen = self._seen.get(identity)
            if seen is None:
                seen = self._seen[identity] = _Seen(next(self._indices), family.name, at)
            if at - seen.first < _ROLE_IS_FINAL:
                if family.name not in workers:
                    with contextlib.suppress(Exception):  # it may just end
                        workers[family.name] = family.workers()
                role = family.role(pid, workers.get(family.name, ()))
                if role != seen.role:
                    seen.role = role
                    new.append(
                        (seen.index, pid, identity[1], family.name, role, comm.decode(errors="replace"))
                    )
            delay = delays.get(pid)
            values = [
                *(int(stat[n]) for n in (11, 12, 13, 14)),
                int(stat[7]),
                int(stat[9]),
                int(stat[17]),
                stat[0][0],
                status.get("VmSwap", 0),
                status.get("RssAnon", 0),
                status.get("VmRSS", 0),
                status.get("voluntary_ctxt_switches", 0),
                status.get("nonvoluntary_ctxt_switches", 0),
                schedstat[0] // 1000,
                schedstat[1] // 1000,
                schedstat[2],
                delay.swapin_pages if delay else seen.values[-2],
                delay.blkio_delay_ns // 1000 if delay else seen.values[-1],
            ]
            mask = 0
            moved = []
            for bit, (before, now) in enumerate(zip(seen.values, values, strict=True)):
                if before != now:
                    mask |= 1 << bit
                    moved.append(now - before)
            if mask:
                rows.append([seen.index, mask, *moved])
                seen.values = values
            self._by_pid[pid] = seen
        with self._lock:
            for record in new:
                self._writer.write("p", *record)
            for identity in set(self._seen) - alive:
                self._writer.write("x", int(at * 1000), self._seen.pop(identity).index)
            moved = [now - before for before, now in zip(self._host, host, strict=True)]
            self._host = host
            self._writer.write("s", int(at * 1000), round((boot - at) * 1000), moved, rows)

    def _read_host(self) -> list[int]:
        vmstat = _numbers(Path("/proc/vmstat").read_text())
        meminfo = _numbers(Path("/proc/meminfo").read_text().replace(":", ""))
        disk = [0] * 4
        for line in Path("/proc/diskstats").read_text().splitlines():
            parts = line.split()
            if (int(parts[0]), int(parts[1])) == self._device:
                disk = [int(parts[3]), int(parts[6]), int(parts[7]), int(parts[10])]
        switch = Path("/proc/sys/kernel/task_delayacct")
        return [
            *(vmstat.get(name, 0) for name in HOST_FIELDS[:5]),
            meminfo["MemAvailable"],
            meminfo["SwapFree"],
            *disk,
            int(switch.read_text()) if switch.exists() else 0,
        ]


def _now() -> int:
    return int(time.monotonic() * 1000)


def _numbers(text: str) -> dict[str, int]:
    return {name: int(value) for name, value, *_ in map(str.split, text.splitlines())}


def _status(pid: int) -> dict[str, int]:
    """The fields of /proc/PID/status that are numbers; nothing of a process that has ended."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].isdecimal():
                found[name] = int(words[0])
    return found


def _schedstat(pid: int) -> list[int]:
    """The three numbers of /proc/PID/schedstat, summed over the threads. OSError where it has ended."""
    sums = [0, 0, 0]
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            numbers = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()
            sums = [total + int(number) for total, number in zip(sums, numbers, strict=True)]
    return sums


def _swap_device() -> tuple[int, int]:
    """Major and minor number of the device that the first swap area is on; a file's file system."""
    for line in Path("/proc/swaps").read_text().splitlines()[1:]:
        area = os.stat(line.split()[0])
        device = area.st_rdev or area.st_dev
        return os.major(device), os.minor(device)
    return 0, 0
