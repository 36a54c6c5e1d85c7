"""meminfo, vmstat, swaps and pressure, of several kernels."""

import subprocess
from pathlib import Path

import psutil
import pytest

from swap_exporter.kernel import files, meminfo, pressure, swaps, system_stat, vmstat
from swap_exporter.kernel.errors import MalformedFile
from swap_exporter.kernel.swaps import SwapDevice

MEMINFO = (
    b"MemTotal:       24684092 kB\nMemFree:        24393272 kB\nMemAvailable:   24367952 kB\n"
    b"SwapCached:           12 kB\nSwapTotal:       1048572 kB\nSwapFree:         524288 kB\n"
    b"Zswap:                40 kB\nZswapped:            160 kB\nHugePages_Total:       0\n"
)
VMSTAT = (
    b"nr_free_pages 6098318\nnr_swapcached 3\npswpin 10\npswpout 20\nthp_swpout 99\nswpin_zero 1\n"
    b"swpout_zero 2\nzswpin 5\nzswpout 6\nzswpwb 7\n"
)


def test_meminfo_is_in_bytes() -> None:
    assert meminfo.parse(MEMINFO) == meminfo.Meminfo(
        mem_total=24684092 * 1024,
        mem_available=24367952 * 1024,
        swap_total=1048572 * 1024,
        swap_free=524288 * 1024,
        swap_cached=12 * 1024,
        zswap=40 * 1024,
        zswapped=160 * 1024,
    )


def test_what_an_old_kernel_lacks_in_meminfo_is_none() -> None:
    old = meminfo.parse(b"MemTotal: 4096 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n")
    assert old == meminfo.Meminfo(4 << 20, None, 0, 0, None, None, None)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"", "meminfo: expected a line 'MemTotal: NUMBER kB'"),
        (MEMINFO[:150], "SwapFree"),
        (MEMINFO.replace(b"1048572 kB", b"much"), "meminfo, SwapTotal: expected 'NUMBER kB', found 'much'"),
    ],
)
def test_a_strange_meminfo_is_refused(raw: bytes, complaint: str) -> None:
    with pytest.raises(MalformedFile, match=complaint):
        meminfo.parse(raw)


def test_vmstat_is_in_pages_and_is_not_taken_in_by_names_that_look_alike() -> None:
    assert vmstat.parse(VMSTAT) == vmstat.Vmstat(
        pswpin=10, pswpout=20, zswpin=5, zswpout=6, swpin_zero=1, swpout_zero=2, nr_swapcached=3
    )


def test_what_an_old_kernel_lacks_in_vmstat_is_none_and_not_0() -> None:
    assert vmstat.parse(b"pswpin 10\npswpout 0\n") == vmstat.Vmstat(10, 0, None, None, None, None, None)


@pytest.mark.parametrize("raw", [b"", VMSTAT[:-1], b"pswpin -1\n", b"pswpin\t1\npswpin x\n", b"pswpin \n"])
def test_a_strange_vmstat_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match=r"vmstat.*: expected "):
        vmstat.parse(raw)


HEADER = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


@pytest.mark.parametrize(
    ("line", "device"),
    [
        (
            b"/dev/dm-1                               partition\t4194300\t\t1024\t\t-2\n",
            SwapDevice("/dev/dm-1", "partition", 4194300 * 1024, 1 << 20, -2),
        ),
        (b"/dev/zram0 partition 8 4 100\n", SwapDevice("/dev/zram0", "zram", 8192, 4096, 100)),
        (b"/zram/swap file 8 4 0\n", SwapDevice("/zram/swap", "file", 8192, 4096, 0)),
        (b"/zram0 file 8 4 0\n", SwapDevice("/zram0", "file", 8192, 4096, 0)),
        (b"/a\\040b\\011\\134040 file 8 0 -3\n", SwapDevice("/a b\t\\040", "file", 8192, 0, -3)),
        (b"/swap\\040(deleted) file 8 0 -3\n", SwapDevice("/swap (deleted)", "file", 8192, 0, -3)),
        (b"/\xff file 8 0 -3\n", SwapDevice("/\ufffd", "file", 8192, 0, -3)),
    ],
)
def test_a_swap_device(line: bytes, device: SwapDevice) -> None:
    assert swaps.parse(HEADER + line) == (device,)


def test_swap_devices_keep_the_files_order_and_none_is_none() -> None:
    both = swaps.parse(HEADER + b"/b file 8 0 -2\n/a file 8 0 -3\n")
    assert [device.path for device in both] == ["/b", "/a"]
    assert swaps.parse(HEADER) == ()


@pytest.mark.parametrize(
    "raw",
    [b"", HEADER[:-1], HEADER + b"/a file 8 0\n", HEADER + b"/a tape 8 0 1\n", HEADER + b"/a file 8 0 -2"],
)
def test_a_strange_list_of_swap_devices_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="swaps: expected "):
        swaps.parse(raw)


def test_pressure_is_in_seconds_and_full_may_be_missing() -> None:
    some = b"some avg10=1.00 avg60=0.50 avg300=0.10 total=2500000\n"
    full = b"full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    assert pressure.parse(some + full) == pressure.Pressure(2.5, 1e-6)
    assert pressure.parse(some) == pressure.Pressure(2.5, None)


@pytest.mark.parametrize("raw", [b"", b"full total=1\n", b"some avg10=0.00 total=x\n", b"some total=1 x\n"])
def test_a_strange_pressure_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="pressure: expected "):
        pressure.parse(raw)


def test_agrees_with_psutil_on_this_machine() -> None:
    memory = meminfo.parse(Path("/proc/meminfo").read_bytes())
    assert memory.mem_total == psutil.virtual_memory().total
    assert vmstat.parse(Path("/proc/vmstat").read_bytes()).pswpin is not None
    swaps.parse(Path("/proc/swaps").read_bytes())


SYSTEM_STAT = b"cpu  2255 34 2290 0\nintr 9 0 0\nctxt 506518\nprocesses 31170\nprocs_running 2\n"


def test_forks_since_boot() -> None:
    assert system_stat.parse_forks(SYSTEM_STAT) == 31170


@pytest.mark.parametrize(
    "raw",
    [b"", SYSTEM_STAT[:40], SYSTEM_STAT.replace(b"31170", b"many"), SYSTEM_STAT.replace(b"31170", b"9" * 21)],
)
def test_a_strange_stat_of_the_system_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="stat, processes: expected 'processes NUMBER'"):
        system_stat.parse_forks(raw)


def test_a_fork_is_counted_by_the_time_that_its_child_can_be_seen() -> None:
    before = system_stat.parse_forks(files.read("/proc/stat"))
    with subprocess.Popen(["sleep", "60"]) as child:
        assert child.pid in files.list_numbers("/proc")
        assert system_stat.parse_forks(files.read("/proc/stat")) > before
        child.kill()
