"""Reads all of one process, relative to its directory. Keeps nothing: the last reading is handed in.

Evidence is read before what it is the evidence of: the context switches in status before stat, both before
the title. Whatever happens in between then shows as a difference to the next reading, and is read there.
"""

from typing import NamedTuple

from swap_exporter.kernel import cgroup, cmdline, files, stat, status
from swap_exporter.kernel.errors import Exhausted, KernelFileError, MalformedFile, Vanished
from swap_exporter.kernel.stat import Stat
from swap_exporter.kernel.status import Status
from swap_exporter.sampling.sample import CpuClock, Process


class Reading(NamedTuple):
    """One process as it was read."""

    process: Process
    address_space: tuple[int, int]
    """Its size in bytes and its resident pages: stat, fields 23 and 24."""
    memory: bytes
    """status up to VmSwap: what others may have changed while it did not run. Only to be compared."""
    switches: bytes | None
    """status' context switches of the main thread, only to be compared; ``None`` where the kernel does not
    count them, or the title or the cgroups could not be read: they are tried again then."""
    denied: bool
    """Its status was refused or made no sense, so that its memory is not known."""

    @property
    def whole(self) -> bool:
        """Nothing failed that is worth another try."""
        return self.process.kernel_thread or (self.switches is not None and not self.denied)


def read(
    directory: int,
    pid: int,
    before: Reading | None,
    clock: CpuClock | None,
    *,
    limit: int,
    cgroups: bool,
    with_title: bool,
) -> Reading:
    """``directory``: a descriptor of /proc/``pid``. ``clock``: of its main thread, read before. ``limit``:
    the most bytes of its title. ``with_title``: read title and cgroups also where nothing says that it has
    run since.

    Raises Vanished where it has ended, or is not who it was before, and other errors of the kernel's where it
    is not to be had at all.
    """
    raw, memory, refused = b"", None, False
    skipped = before is not None and before.process.kernel_thread
    if not skipped:
        raw, memory, refused = _read_status(directory)
    now = stat.parse(files.read_record("stat", directory))
    if skipped and not now.kernel_thread:  # it was a kernel's helper until it did exec
        raw, memory, refused = _read_status(directory)
    if now.pid != pid:
        raise MalformedFile("stat, pid", str(pid), str(now.pid).encode())
    if before is not None and before.process.start_ticks != now.start_ticks:
        raise Vanished(str(now.pid))
    address_space = (now.virtual_bytes, now.resident_pages)
    if now.kernel_thread:
        return Reading(_process(now, _NO_MEMORY, None, (), None), address_space, b"", None, denied=False)
    task = ""
    if memory is not None and (memory.swap is None or now.state in "ZX"):
        try:
            task, memory = _of_a_thread(now, memory, directory)
        except (Vanished, Exhausted):
            raise
        except KernelFileError:
            memory, refused = None, True

    argv, paths = (before.process.argv, before.process.cgroups) if before else ((), None)
    switches = memory.switches if memory else None
    too_long = sum(map(len, argv)) > limit
    if before is None or with_title or too_long or _may_have_run(before, now, switches):
        try:
            # Nothing at all is the answer of a process at its end or in the middle of exec.
            argv = cmdline.parse(files.read(task + "cmdline", directory, limit)) or argv
            if cgroups:
                paths = tuple(entry.path for entry in cgroup.parse(files.read_record("cgroup", directory)))
        except Exhausted:
            raise
        except KernelFileError:
            switches = None
    process = _process(now, memory or _UNKNOWN, clock if now.threads == 1 else None, argv, paths)
    return Reading(process, address_space, status.up_to_swap(raw), switches, refused)


_NO_MEMORY = Status(None, 0, 0, 0, None, None)
_UNKNOWN = Status(None, None, None, None, None, None)


def _read_status(directory: int) -> tuple[bytes, Status | None, bool]:
    """The file, what it says, and whether it was refused or made no sense."""
    try:
        raw = files.read_record("status", directory)
        return raw, status.parse(raw), False
    except (Vanished, Exhausted):
        raise
    except KernelFileError:
        return b"", None, True


def _of_a_thread(now: Stat, leader: Status, directory: int) -> tuple[str, Status]:
    """A leader that ended before its other threads shows no memory, but they do: folder and status of one.

    Where none is left, the address space is gone and its sizes are 0.
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


def _may_have_run(before: Reading, now: Stat, switches: bytes | None) -> bool:
    """Whether the process can have changed its title since.

    Context switches are the main thread's, and CPU time moves in whole ticks: other threads can have run
    unseen, and a process that is running has not been switched away yet.
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
