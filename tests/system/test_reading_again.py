"""Pages of a process come and go while it sleeps: what the scanner must not miss, and what would miss it.

In each case a simpler rule than the scanner's would say that nothing has changed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swap_exporter.kernel import vmstat
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner
from swap_exporter.sampling.tracked import OPEN_FILE_BYTES
from tests.require import require
from tests.sampling.children import answer, running
from tests.system.cgroup import MemoryCgroup
from tests.system.family import MIB, Family
from tests.system.pageout import page_out

SIZE = 40 * MIB


@pytest.fixture
def scanner() -> Iterator[Scanner]:
    scanner = Scanner(max_open_files=10_000)
    yield scanner
    scanner.close()


@pytest.fixture
def sleeper(cgroup: MemoryCgroup) -> Iterator[Family]:
    with Family(cgroup, shared=SIZE // MIB) as family:
        yield family


def counts() -> Vmstat:
    return vmstat.parse(Path("/proc/vmstat").read_bytes())


def swap_of(scanner: Scanner, pid: int) -> int:
    swap = scanner.scan(now).processes[pid].swap
    assert swap is not None
    return swap


class Asleep:
    """Whether a process has run since."""

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/schedstat")
        self._before = self._file.read_bytes()

    def __bool__(self) -> bool:
        return self._file.read_bytes() == self._before


def test_pages_that_are_pushed_out_of_a_sleeping_process(scanner: Scanner, sleeper: Family) -> None:
    """Who reads only those that have run misses it."""
    assert swap_of(scanner, sleeper.pid) == 0
    asleep = Asleep(sleeper.pid)
    page_out(sleeper.pid)
    assert asleep
    assert swap_of(scanner, sleeper.pid) >= SIZE


def test_pages_that_somebody_else_reads_back(scanner: Scanner, sleeper: Family) -> None:
    """Through /proc/PID/mem, as debuggers and dumpers do: the fault is theirs, and so is the CPU time. Where
    the swap cache has the pages still, no count of the host's moves either."""
    page_out(sleeper.pid)
    out = swap_of(scanner, sleeper.pid)
    asleep = Asleep(sleeper.pid)
    read_from_outside(sleeper.pid)
    assert asleep
    assert swap_of(scanner, sleeper.pid) <= out - 0.9 * SIZE


def read_from_outside(pid: int) -> None:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, permissions, *_ = line.split()
            start, end = (int(address, 16) for address in span.split("-"))
            if permissions.startswith("rw") and end - start >= SIZE:
                memory.seek(start)
                for _ in range(start, end, MIB):
                    memory.read(MIB)


def test_pages_that_the_swap_cache_still_has(scanner: Scanner, sleeper: Family) -> None:
    """They are unmapped without being written again: who looks at pswpin and pswpout misses it."""
    page_out(sleeper.pid)
    sleeper.read_back()
    assert written_while_pushed_out_unseen(scanner, sleeper.pid) < SIZE / 20


ZEROS = f"""
import mmap, sys
memory = mmap.mmap(-1, {SIZE}, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for offset in range(0, len(memory), 4096):
    memory[offset] = 0
print("ready", flush=True)
sys.stdin.read()
"""


def test_pages_of_zeros(scanner: Scanner, cgroup: MemoryCgroup) -> None:
    """Since 6.12 they do not reach a device: nothing of it is in pswpout either."""
    require(counts().swpout_zero is not None, "this kernel writes pages of zeros to the device")
    with running(*cgroup.command(sys.executable, "-c", ZEROS)) as sleeper:
        assert answer(sleeper) == b"ready\n"
        page_out(sleeper.pid)  # all that is not zeros
        read_from_outside(sleeper.pid)
        assert written_while_pushed_out_unseen(scanner, sleeper.pid) < SIZE / 2


def written_while_pushed_out_unseen(scanner: Scanner, pid: int) -> int:
    """Pushes a sleeping process out, which the scanner has to see. Bytes that devices had to do with it."""
    inside = swap_of(scanner, pid)
    before, asleep = counts(), Asleep(pid)
    page_out(pid)
    after = counts()
    assert asleep
    assert swap_of(scanner, pid) >= inside + 0.9 * SIZE
    return transferred(before, after)


def transferred(before: Vmstat, after: Vmstat) -> int:
    """Bytes, to and from devices, of whoever."""
    assert None not in (before.pswpin, before.pswpout, after.pswpin, after.pswpout)
    pages = after.pswpin + after.pswpout - before.pswpin - before.pswpout
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_the_budget_of_open_files_is_half_of_what_its_cgroup_has_room_for(cgroup: MemoryCgroup) -> None:
    cgroup.limit(60 * MIB)
    program = (
        "from swap_exporter.cli.open_files import open_file_budget\n"
        "print(open_file_budget('/proc', '/sys/fs/cgroup'))"
    )
    ran = subprocess.run(
        cgroup.command(sys.executable, "-c", program), check=True, stdout=subprocess.PIPE, timeout=60
    )
    assert 15 * MIB < int(ran.stdout) * OPEN_FILE_BYTES <= 30 * MIB
