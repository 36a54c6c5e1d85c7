"""What the kernel says of real swap: proportional, shared, compressed, limited, and read back."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swap_exporter.details.cgroups import CgroupReader
from swap_exporter.details.delays import measured_since
from swap_exporter.details.proportional import ProportionalReader
from swap_exporter.kernel import delay_accounting, sysvipc, zram
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.taskstats import TaskStats
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings import Proportional
from tests.require import require
from tests.system.cgroup import MemoryCgroup
from tests.system.delay_accounting import SWITCH, accounting
from tests.system.family import MIB, Family
from tests.system.waiting import wait_until

PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def source() -> Iterator[TaskStats]:
    try:
        opened = TaskStats()
    except KernelFileError as error:
        require(False, str(error))
        raise
    yield opened
    opened.close()


@pytest.mark.parametrize("children", [0, 1, 4])
def test_proportional_swap_of_a_family_is_the_swap_that_it_uses(cgroup: MemoryCgroup, children: int) -> None:
    reader = ProportionalReader(Proportional(share_of_time=1.0))
    with Family(cgroup, shared=40, private=8, children=children) as family:
        cgroup.push_out()

        def known() -> dict[int, int]:
            processes = Scanner().scan(now).processes
            wanted = [processes[pid] for pid in family.pids]
            result = reader.observe(processes.values(), wanted, now().monotonic)
            return {pid: size for (pid, _), size in result.known.items() if not result.coverage.waiting}

        found = wait_until("all are read", known)
        reader.stop()
        used = cgroup.swap()
        assert used > (40 + 8 * children) * MIB
        assert sum(found.values()) == pytest.approx(used, rel=0.01)
        processes = Scanner().scan(now).processes
        overstated = sum(processes[pid].swap or 0 for pid in family.pids)
        assert overstated >= 0.99 * used + 39 * children * MIB


def test_pages_read_back_are_counted_for_who_read_them(cgroup: MemoryCgroup, source: TaskStats) -> None:
    with accounting(on=True), Family(cgroup, shared=80) as reading, Family(cgroup, shared=10) as lying:
        cgroup.push_out()
        before = source.read([reading.pid, lying.pid])
        reading.read_back()
        after = source.read([reading.pid, lying.pid])
        moved = after[reading.pid].swapin_pages - before[reading.pid].swapin_pages
        assert moved == pytest.approx(80 * MIB / PAGE, rel=0.01)
        assert after[lying.pid] == before[lying.pid]
        assert source.leaders([reading.pid])[reading.pid].measured


def test_nothing_is_counted_of_who_started_before_it_was_on(cgroup: MemoryCgroup, source: TaskStats) -> None:
    with accounting(on=False), Family(cgroup, shared=10) as before:
        SWITCH.write_text("1")
        cgroup.push_out()
        before.read_back()
        assert not source.read([before.pid])[before.pid].measured
        with Family(cgroup, shared=10) as after:
            proven = source.leaders([before.pid, after.pid])
            assert [pid for pid, delays in proven.items() if delays.measured] == [after.pid]
            processes = Scanner().scan(now).processes
            since = measured_since(
                delay_accounting.read("/proc"),
                None,
                processes[after.pid].start_ticks,
                os.sysconf("SC_CLK_TCK"),
            )
            assert since is not None
            assert processes[before.pid].start_ticks < since <= processes[after.pid].start_ticks


def test_a_later_thread_does_not_prove_its_process(swap: None, source: TaskStats) -> None:
    """It is measured itself, so that the process has counts, but not those of its first thread."""
    program = (
        "import threading, sys; input(); print(flush=True)\n"
        "def fork():\n import os\n pid = os.fork()\n pid or os._exit(0)\n os.waitpid(pid, 0)\n"
        " memory[::4096] = bytes(len(memory[::4096]))\n print(flush=True)\n threading.Event().wait()\n"
        "memory = bytearray(1 << 22)\n"
        "threading.Thread(target=fork, daemon=True).start(); input()\n"
    )
    with (
        accounting(on=False),
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        SWITCH.write_text("1")
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert child.stdout.readline()
        assert child.stdout.readline()
        try:
            assert source.read([child.pid])[child.pid].measured
            assert not source.leaders([child.pid])[child.pid].measured
        finally:
            child.kill()


def test_headroom_of_a_limited_cgroup(cgroup: MemoryCgroup) -> None:
    with Family(cgroup, shared=30) as family:
        process = Scanner(cgroups=True).scan(now).processes[family.pid]
        assert process.cgroups is not None
        free = CgroupReader().read([process.cgroups]).headroom[process.cgroups]
        cgroup.limit(50 * MIB)
        limited = CgroupReader().read([process.cgroups]).headroom[process.cgroups]
        assert limited is not None
        assert 0 < limited <= 50 * MIB - 30 * MIB
        assert limited == pytest.approx(50 * MIB - cgroup.usage(), abs=2 * MIB)
        cgroup.limit(20 * MIB)
        squeezed = CgroupReader().read([process.cgroups]).headroom[process.cgroups]
        assert squeezed is not None
        assert squeezed <= 2 * MIB
        cgroup.limit(None)
        assert CgroupReader().read([process.cgroups]).headroom[process.cgroups] == free


def test_shared_memory_counts_with_nobody_attached(cgroup: MemoryCgroup) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    create, mode, remove = 0o1000, 0o600, 0
    segment = libc.shmget(0, 20 * MIB, create | mode)
    assert segment >= 0, os.strerror(ctypes.get_errno())
    program = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p\n"
        f"at = libc.shmat({segment}, None, 0); ctypes.memmove(at, os.urandom({20 * MIB}), {20 * MIB})\n"
        "libc.shmdt.argtypes = [ctypes.c_void_p]; libc.shmdt(at); print(flush=True); input()"
    )
    try:
        before = sysvipc.parse(Path("/proc/sysvipc/shm").read_bytes()).swap
        with subprocess.Popen(
            cgroup.command(sys.executable, "-c", program), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline()
            cgroup.push_out()
            after = sysvipc.parse(Path("/proc/sysvipc/shm").read_bytes()).swap
            child.kill()
        assert before is not None
        assert after == before + 20 * MIB
    finally:
        libc.shmctl(segment, remove, None)


def test_a_zram_device_says_what_it_holds_and_what_that_costs(swap: None) -> None:
    device = Path("/sys/block/zram0")
    require(device.exists(), "this kernel has no zram device")
    require((device / "disksize").read_text() == "0\n", "/dev/zram0 is in use")
    assert zram.devices("/sys")["zram0"] == zram.Zram(0, 0)
    (device / "disksize").write_text(str(64 * MIB))
    try:
        with open("/dev/zram0", "wb", buffering=0) as target:
            for _ in range(8):
                target.write(os.urandom(MIB // 2) + b"0123456789abcdef" * (MIB // 32))
            os.fsync(target.fileno())
        found = zram.devices("/sys")["zram0"]
        assert found.stored == pytest.approx(8 * MIB, rel=0.02)
        assert 4 * MIB < found.pool < 6 * MIB
    finally:
        wait_until("the device can be reset", lambda: _reset(device))


def _reset(device: Path) -> bool:
    try:
        (device / "reset").write_text("1")
    except OSError:
        return False
    return True
