"""Reads one process in full, relative to its directory. Stateless: the last reading is an argument.

What shows a change is read first: the context switches in status before stat, both before the title. A change
in between then shows as a difference at the next reading, which reads the rest again.
"""

from typing import NamedTuple

from swap_exporter.kernel import cgroup, cmdline, files, stat, status
from swap_exporter.kernel.errors import Exhausted, KernelFileError, MalformedFile, Vanished
from swap_exporter.kernel.stat import Stat
from swap_exporter.kernel.status import Status
from swap_exporter.sampling.sample import CpuClock, Process


class ProcessReading(NamedTuple):
    """What was read of one process."""

    process: Process
    address_space: tuple[int, int]
    """Its size in bytes and its resident pages: stat, fields 23 and 24."""
    memory: bytes
    """status up to VmSwap: what others may change while it does not run. Only for comparison."""
    switches: bytes | None
    """Context switches of the main thread, from status; only for comparison. ``None`` if the kernel does not
    count them, or if title or cgroups could not be read and are to be tried again."""
    denied: bool
    """Its status was refused or malformed, so its memory is unknown."""

    @property
    def whole(self) -> bool:
        """Nothing failed that is worth another try."""
        return self.process.kernel_thread or (self.switches is not None and not self.denied)


def read(
    directory: int,
    pid: int,
    before: ProcessReading | None,
    clock: CpuClock | None,
    *,
    max_title_bytes: int,
    cgroups: bool,
    with_title: bool,
) -> ProcessReading:
    """``directory``: a descriptor of /proc/``pid``. ``clock``: of its main thread, read before.
    ``with_title``: read title and cgroups even if nothing shows that it has run since ``before``.

    Raises Vanished if it has ended or its pid is reused, and another KernelFileError if it cannot be read.
    """
    raw, memory, refused = b"", None, False
    skipped = before is not None and before.process.kernel_thread
    if not skipped:
        raw, memory, refused = _read_status(directory)
    now = stat.parse(files.read_record("stat", directory))
    if skipped and not now.kernel_thread:  # a kernel helper that has called exec since
        raw, memory, refused = _read_status(directory)
    if now.pid != pid:
        raise MalformedFile("stat, pid", str(pid), str(now.pid).encode())
    if before is not None and before.process.start_ticks != now.start_ticks:
        raise Vanished(str(now.pid))
    address_space = (now.virtual_bytes, now.resident_pages)
    if now.kernel_thread:
        return ProcessReading(
            _process(now, _NO_MEMORY, None, (), None), address_space, b"", None, denied=False
        )
    task = ""
    if memory is not None and (memory.swap is None or now.state in "ZX"):
        try:
            task, memory = _live_thread(now, memory, directory)
        except (Vanished, Exhausted):
            raise
        except KernelFileError:
            memory, refused = None, True

    argv, paths = (before.process.argv, before.process.cgroups) if before else ((), None)
    switches = memory.switches if memory else None
    too_long = sum(map(len, argv)) > max_title_bytes
    if before is None or with_title or too_long or _may_have_run(before, now, switches):
        try:
            # Empty at the end of a process and in the middle of exec.
            argv = cmdline.parse(files.read(task + "cmdline", directory, max_title_bytes)) or argv
            if cgroups:
                paths = tuple(entry.path for entry in cgroup.parse(files.read_record("cgroup", directory)))
        except Exhausted:
            raise
        except KernelFileError:
            switches = None
    process = _process(now, memory or _UNKNOWN, clock if now.threads == 1 else None, argv, paths)
    return ProcessReading(process, address_space, status.up_to_swap(raw), switches, refused)


_NO_MEMORY = Status(None, 0, 0, 0, None, None)
_UNKNOWN = Status(None, None, None, None, None, None)


def _read_status(directory: int) -> tuple[bytes, Status | None, bool]:
    """The raw file, its values, and whether it was refused or malformed."""
    try:
        raw = files.read_record("status", directory)
        return raw, status.parse(raw), False
    except (Vanished, Exhausted):
        raise
    except KernelFileError:
        return b"", None, True


def _live_thread(now: Stat, leader: Status, directory: int) -> tuple[str, Status]:
    """Folder and status of another thread: a leader that ended before its other threads shows no memory.

    Without another thread the address space is released, and its sizes are 0.
    """
    if now.threads > 1:
        for thread in files.list_numbers("task", directory):
            if thread == now.pid:
                continue
            task = f"task/{thread}/"
            try:
                memory = status.parse(files.read_record(task + "status", directory))
            except Vanished:
                continue
            if memory.swap is not None:
                return task, memory
    return "", leader._replace(swap=0, resident=0, resident_anonymous=0)


def _may_have_run(before: ProcessReading, now: Stat, switches: bytes | None) -> bool:
    """Whether the process can have changed its title since ``before``.

    Context switches cover only the main thread, and CPU time moves in whole ticks: other threads can have run
    unseen, and a running process has not been switched out yet.
    """
    return (
        now.threads > 1
        or now.state == "R"
        or switches is None
        or switches != before.switches
        or now.cpu_ticks != before.process.cpu_ticks
        or now.comm != before.process.comm
    )


def _process(
    now: Stat,
    memory: Status,
    clock: CpuClock | None,
    argv: tuple[str, ...],
    cgroups: tuple[str, ...] | None,
) -> Process:
    return Process(
        pid=now.pid,
        start_ticks=now.start_ticks,
        parent_pid=now.parent_pid,
        comm=now.comm,
        state=now.state,
        threads=now.threads,
        kernel_thread=now.kernel_thread,
        cpu_ticks=now.cpu_ticks,
        user_ticks=now.user_ticks,
        children_cpu_ticks=now.children_cpu_ticks,
        major_faults=now.major_faults,
        clock=clock,
        voluntary_switches=memory.voluntary_switches,
        layout=now.layout,
        argv=argv,
        swap=memory.swap,
        resident=memory.resident,
        resident_anonymous=memory.resident_anonymous,
        effective_uid=memory.effective_uid,
        cgroups=cgroups,
        caught_signals=now.caught_signals,
    )
