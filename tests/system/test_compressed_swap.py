"""Swap that is memory: a zram device of the test's own, and zswap."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.require import require
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import Exporter, hurried_families
from tests.system.family import MIB, Family
from tests.system.waiting import wait_until

ZRAM = Path("/sys/class/zram-control")
ZSWAP = Path("/sys/module/zswap/parameters/enabled")


@contextmanager
def zram_swap(size: int) -> Iterator[str]:
    """The name of a new zram device that is swapped to before any other; gone at the end."""
    require((ZRAM / "hot_add").exists(), "this kernel has no zram, or modprobe zram has to come first")
    number = (ZRAM / "hot_add").read_text().strip()
    name = f"zram{number}"
    try:
        Path(f"/sys/block/{name}/disksize").write_text(str(size))
        wait_until(f"/dev/{name} is there", Path(f"/dev/{name}").exists)
        subprocess.run(["mkswap", f"/dev/{name}"], check=True, capture_output=True, timeout=60)
        subprocess.run(["swapon", "--priority=100", f"/dev/{name}"], check=True, timeout=60)
        try:
            yield name
        finally:
            subprocess.run(["swapoff", f"/dev/{name}"], check=True, timeout=60)
    finally:
        wait_until(f"{name} can be removed", lambda: _remove(name, number))


def _remove(name: str, number: str) -> bool:
    try:
        Path(f"/sys/block/{name}/reset").write_text("1")
        (ZRAM / "hot_remove").write_text(number)
    except OSError:  # udev may still look at it
        return False
    return True


@contextmanager
def zswap() -> Iterator[None]:
    require(ZSWAP.exists(), "this kernel has no zswap")
    before = ZSWAP.read_text()
    try:
        ZSWAP.write_text("Y")
    except OSError as error:
        require(False, f"zswap cannot be enabled: {error}")
    try:
        yield
    finally:
        ZSWAP.write_text(before)


def test_a_zram_device_holds_what_was_swapped_and_costs_less(cgroup: MemoryCgroup, start: Start) -> None:
    with zram_swap(128 * MIB) as zram:
        exporter = start(Exporter(hurried_families("family")))
        with Family(cgroup, shared=40, random=1024):
            cgroup.push_out()

            def told() -> bool:
                scrape = exporter.scrape()
                device = {"device": f"/dev/{zram}", "medium": "zram"}
                used = scrape.value("swap_device_used_bytes", **device)
                assert used > 40 * MIB
                assert scrape.value("swap_device_size_bytes", **device) == 128 * MIB - 4096
                assert scrape.value("swap_device_priority", **device) == 100
                stored, _, pool, *_ = Path(f"/sys/block/{zram}/mm_stat").read_text().split()
                assert scrape.value("swap_zram_stored_bytes", device=zram) == int(stored)
                assert scrape.value("swap_zram_pool_bytes", device=zram) == int(pool)
                assert int(stored) == pytest.approx(used, rel=0.15), "zero pages are not stored"
                assert 10 * MIB < int(pool) < 0.6 * int(stored)
                return True

            wait_until("the device tells what it holds", told)


def test_zswap_takes_what_the_device_does_not_get(cgroup: MemoryCgroup, start: Start) -> None:
    with zswap(), Family(cgroup, shared=40, random=1024) as family:
        exporter = start(Exporter(hurried_families("family")))
        before = exporter.scrape()
        cgroup.push_out()

        def told() -> bool:
            scrape = exporter.scrape()
            moved = {
                name: scrape.value(f"swap_host_{name}_bytes_total")
                - before.value(f"swap_host_{name}_bytes_total")
                for name in ("zswapout", "swapout", "zswapin")
            }
            assert moved["zswapout"] > 39 * MIB
            assert moved["swapout"] < MIB
            stored = scrape.value("swap_zswap_stored_bytes")
            assert stored > 39 * MIB
            assert 0 < scrape.value("swap_zswap_pool_bytes") < 0.6 * stored
            # In the pool, and used swap all the same.
            assert scrape.sum("swap_group_swap_bytes", group="family") > 39 * MIB
            return True

        wait_until("it is in the pool", told)
        family.read_back()

        def back() -> bool:
            name = "swap_host_zswapin_bytes_total"
            return exporter.scrape().value(name) - before.value(name) > 39 * MIB

        wait_until("it has come back from the pool", back)
