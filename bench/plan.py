"""The plan past one machine: from what was measured to any number of hosts."""

from pathlib import Path
from typing import NamedTuple

from bench import blocks, host, prometheus
from bench.blocks import Stored
from bench.comparison import SAMPLE, SCRAPE, Result
from bench.host import GROUPS, Host
from bench.prometheus import HOSTS, Watch, line
from swap_exporter.settings import Configuration
from tests.deploy import contract

FLEETS = (10, 1_000, 100_000)
SCRAPED_EVERY = 30
"""Seconds, as deploy/prometheus/prometheus.yml has it."""
RETENTION_DAYS = 15
"""Prometheus' default."""
MACHINE = 64 << 30
"""Bytes of memory of the machine that is told how many hosts it takes."""
SHARE = 0.5
"""Of that memory, for series; of the time between two evaluations, for the rules."""


class Measured(NamedTuple):
    host: Host
    watches: tuple[Watch, Watch]
    """Of few hosts and of many."""
    stored: Stored

    @property
    def of_target(self) -> float:
        """Series of a host in Prometheus: those that it answers, and those that Prometheus adds."""
        return line([(each.hosts, each.scraped) for each in self.watches]).slope

    @property
    def resting(self) -> float:
        """Bytes that Prometheus takes without series."""
        return line([(each.series, each.resident) for each in self.watches]).start

    @property
    def per_series(self) -> float:
        """Bytes of resident memory."""
        return line([(each.series, each.resident) for each in self.watches]).slope

    @property
    def heap_per_series(self) -> float:
        return line([(each.series, each.heap) for each in self.watches]).slope

    @property
    def per_sample(self) -> float:
        """CPU seconds of Prometheus: scraping, storing and evaluating the rules."""
        return line([(each.samples, each.cpu) for each in self.watches]).slope

    @property
    def per_answer(self) -> float:
        """CPU seconds of the daemon for a scrape that shares a sample: exposition, gzip, HTTP."""
        return line([(each.answers, each.answering) for each in self.watches]).slope

    @property
    def rules_per_host(self) -> float:
        """Seconds of the longest group's evaluation, in proportion: few hosts are lost in the noise."""
        return self.watches[-1].rules / self.watches[-1].hosts

    @property
    def on_disk(self) -> float:
        """Bytes of a sample."""
        return self.stored.bytes / self.stored.samples


class Estimate(NamedTuple):
    hosts: int
    of_host: int
    """Series that are scraped of each."""
    scraped: int
    recorded: int
    samples: float
    """Per second, scraped and recorded."""
    memory: float
    """Bytes resident."""
    cores: float
    rules: float
    """Seconds of an evaluation."""
    disk: float
    """Bytes."""
    network: float
    """Bits per second."""


def measure(seconds: float, built: Path, scratch: Path) -> Measured:
    """Prometheus is watched for so long, twice."""
    with host.host(built, scratch) as (port, pid):
        described = host.described(port)
        few, many = (prometheus.watch(hosts, seconds, port, pid, scratch) for hosts in HOSTS)
    return Measured(described, (few, many), blocks.stored(scratch))


def as_measured(measured: Measured, hosts: int) -> Estimate:
    """Hosts like the one that was measured."""
    recorded = line([(each.hosts, each.recorded) for each in measured.watches]).at(hosts)
    return _estimate(measured, hosts, round(measured.of_target), round(recorded))


def at_most(measured: Measured, hosts: int) -> Estimate:
    """Hosts that have every metric of the contract, each group in its own cgroup."""
    return _estimate(
        measured, hosts, contract.series_of_host(GROUPS), contract.recorded_series(hosts, GROUPS)
    )


def _estimate(measured: Measured, hosts: int, of_host: int, recorded: int) -> Estimate:
    series = hosts * of_host + recorded
    samples = series / SCRAPED_EVERY
    # What goes over the network grows with what a host answers.
    answer = measured.host.gzipped * of_host / measured.of_target
    return Estimate(
        hosts,
        of_host,
        scraped=hosts * of_host,
        recorded=recorded,
        samples=samples,
        memory=measured.resting + series * measured.per_series,
        cores=samples * measured.per_sample,
        rules=hosts * measured.rules_per_host,
        disk=samples * measured.on_disk * RETENTION_DAYS * 86_400,
        network=8 * hosts * answer / SCRAPED_EVERY,
    )


def hosts_of(measured: Measured) -> int:
    """As many as take SHARE of MACHINE or of the rules' time, each with all that it can have."""
    memory = line([(hosts, at_most(measured, hosts).memory) for hosts in FLEETS[:2]])
    of_memory = (SHARE * MACHINE - memory.start) / memory.slope
    of_time = SHARE * SCRAPED_EVERY / measured.rules_per_host
    return int(min(of_memory, of_time))


def share_of_core(result: Result) -> float:
    """A sample at each tick, one of them on behalf of a scrape."""
    alone = SCRAPED_EVERY / Configuration().tick - 1
    return (result.cpu[SCRAPE] + alone * result.cpu[SAMPLE]) / SCRAPED_EVERY
