"""Swap-in of each group on /metrics, for a known number of pages that really were read back."""

import subprocess

import pytest

from swap_exporter.details.delays import DelayReader
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.delay_accounting import SWITCH, accounting
from tests.system.exporter import Exporter, Scrape, hurried_families
from tests.system.family import MIB, Family
from tests.system.waiting import wait_until

TOTAL = "swap_group_swapin_bytes_total"
RATE = "swap_group_swapin_bytes_per_second"


def capable(scrape: Scrape) -> bool:
    return scrape.value("swap_exporter_capability", capability="delay_accounting") == 1


def test_a_read_back_counts_for_who_read_and_for_nobody_else(cgroup: MemoryCgroup, start: Start) -> None:
    with (
        accounting(on=True),
        Family(cgroup, shared=100, name="reading") as reading,
        Family(cgroup, shared=20, name="lying"),
    ):
        # It starts after them: that they are measured it learns from their counts.
        exporter = start(Exporter(hurried_families("reading", "lying")))
        cgroup.push_out()
        known = wait_until("a rate is known", lambda: _with_rates(exporter.scrape()))

        def moved(scrape: Scrape, group: str) -> float:
            return scrape.value(TOTAL, group=group, role="worker") - known.value(
                TOTAL, group=group, role="worker"
            )

        reading.read_back()
        rates: list[float] = []

        def all_is_told_and_over() -> bool:
            scrape = exporter.scrape()
            rates.append(scrape.value(RATE, group="reading", role="worker"))
            assert moved(scrape, "lying") == 0
            assert scrape.value(RATE, group="lying", role="worker") == 0
            return max(rates) > 0 and rates[-1] == 0

        wait_until("the rate has come and gone", all_is_told_and_over)
        scrape = exporter.scrape()
        host = "swap_host_swapin_bytes_total"
        assert moved(scrape, "reading") == pytest.approx(100 * MIB, rel=0.01)
        assert scrape.value(host) - known.value(host) == pytest.approx(100 * MIB, rel=0.01)
        assert max(rates) < 1.01 * 100 * MIB / 2, "it is taken over rate_window, 2 s, at least"


def _with_rates(scrape: Scrape) -> Scrape | None:
    return None if scrape.get(RATE, group="reading", role="worker") is None else scrape


def test_one_that_ends_before_it_is_asked_takes_nothing_from_its_group(swap: None) -> None:
    with accounting(on=True):
        reader, scanner = DelayReader("/proc"), Scanner()
        reader.read(scanner.scan(now), [])
        with subprocess.Popen(["sleep", "60"]) as lasting, subprocess.Popen(["sleep", "60"]) as ending:
            try:
                sample = scanner.scan(now)
                both = [sample.processes[pid] for pid in (lasting.pid, ending.pid)]
                ending.kill()
                ending.wait(60)
                assert reader.read(sample, both).keys() == {process.identity for process in both}
            finally:
                lasting.kill()


def test_it_is_absent_where_it_is_not_measured(cgroup: MemoryCgroup, start: Start) -> None:
    with accounting(on=False), Family(cgroup, shared=20, name="old") as old:
        exporter = start(Exporter(hurried_families("old", "new")))
        scrape = exporter.scrape()
        assert not {TOTAL, RATE} & scrape.names()
        assert not capable(scrape)
        assert "sysctl kernel.task_delayacct=1" in exporter.stderr()

        SWITCH.write_text("1")
        wait_until("accounting is seen on", lambda: capable(exporter.scrape()))
        with Family(cgroup, shared=20, name="new") as new:
            cgroup.push_out()
            old.read_back()
            new.read_back()

            def told() -> bool:
                scrape = exporter.scrape()
                assert scrape.value(TOTAL, group="new", role="worker") == pytest.approx(20 * MIB, rel=0.05)
                assert scrape.get(TOTAL, group="old", role="worker") is None
                assert scrape.get(RATE, group="old", role="worker") is None
                return True

            wait_until("the new one's alone is told", told)

        SWITCH.write_text("0")
        wait_until("accounting is seen off", lambda: not capable(exporter.scrape()))
        assert not {TOTAL, RATE} & exporter.scrape().names()
