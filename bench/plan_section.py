"""The plan past one machine as Markdown, the end of the page."""

from collections.abc import Iterable, Sequence

from bench import blocks
from bench.comparison import NAMES, SAMPLE, SCRAPE, Result
from bench.host import GROUPS, PROCESSES
from bench.markdown import table
from bench.plan import (
    FLEETS,
    MACHINE,
    RETENTION_DAYS,
    SCRAPED_EVERY,
    SHARE,
    Estimate,
    Measured,
    as_measured,
    at_most,
    hosts_of,
    share_of_core,
)
from bench.prometheus import INTERVAL, Watch
from swap_exporter.settings import Configuration
from tests.deploy import contract

SIZES = (200, 5_000)
"""Processes for which a host's share is told."""
_GIB = 1 << 30
_HELD_FROM, _HELD_TO = 3600, 3 * 3600
"""Seconds that Prometheus keeps in its head: it cuts off two hours when there are three."""


def section(measured: Measured, results: Sequence[Result]) -> str:
    return "\n".join((_measured(measured), _host(measured, results), _fleets(measured)))


def _measured(measured: Measured) -> str:
    host, (few, many) = measured.host, measured.watches
    return f"""### Measured
One host with {GROUPS} groups of {PROCESSES // GROUPS} processes answers **{host.series} series**,
{host.plain / 1024:.1f} KiB, and {host.gzipped / 1024:.1f} KiB compressed as Prometheus asks for it.
Prometheus adds {measured.of_target - host.series:.0f} series to each target. A host that has everything, each
group in its own cgroup, comes to at most {contract.series_of_host(GROUPS)}; this one did not give
{_list(host.absent)}.

Debian's `prometheus` scraped that daemon as {few.hosts} and as {many.hosts} hosts, every {INTERVAL} s, and
evaluated the deployed rules as often:

{_watches(measured.watches)}
The difference of the two is what hosts cost, for Prometheus at rest is in both. At the end it held
{many.held:.0f} samples of each series in memory; in operation these are {_HELD_FROM // SCRAPED_EVERY} to
{_HELD_TO // SCRAPED_EVERY}, the older ones in mapped files, and memory a little more.

{_costs(measured)}
On disk: {blocks.SCRAPES} scrapes of a daemon whose groups work, written down {blocks.INTERVAL} s apart for
{blocks.INSTANCES} hosts, as `promtool tsdb create-blocks-from openmetrics` stores them. In a block of two
hours, as this one is, the index has its largest share; Prometheus merges blocks later.
"""


def _host(measured: Measured, results: Sequence[Result]) -> str:
    tick = Configuration().tick
    return f"""### What a scrape costs the host
A sample is taken every {tick:.0f} s, also without a scrape; scrapes within a second share it.
For a scrape every {SCRAPED_EVERY} s, CPU of a scrape that takes its sample, and of the samples in between, as
measured for the first table, with {NAMES} groups:

{_shares(results)}
Who scrapes beside it gets the same sample: that answer cost {measured.per_answer * 1e3:.1f} ms of CPU, for
{GROUPS} groups of {PROCESSES // GROUPS} processes, with gzip and HTTP.
"""


def _fleets(measured: Measured) -> str:
    few, many = measured.watches
    small, middle, large = FLEETS
    whole, each = at_most(measured, large), hosts_of(measured)
    shard, machine = at_most(measured, each), MACHINE // _GIB
    return f"""### Prometheus for {small:,}, {middle:,} and {large:,} hosts
{GROUPS} groups each, scraped every {SCRAPED_EVERY} s, kept for {RETENTION_DAYS} days. First hosts like the
one that was measured, then such as have everything:

{_estimates(estimate(measured, hosts) for estimate in (as_measured, at_most) for hosts in FLEETS)}
**All of this is extrapolated** in proportion from the numbers above, which are of {few.hosts} and
{many.hosts} hosts; nothing larger was measured. Recorded series, here of {GROUPS} names of groups in the
whole fleet, are taken to cost what scraped ones cost. Not in it are queries and dashboards, the compaction
every two hours, the write-ahead log of the last hours, and series of hosts that went: leave as much again for
them.

- **{small:,} hosts** go into any Prometheus that is there.
- **{middle:,} hosts** are one Prometheus. A second one beside it, so that none is missed, costs each host an
  answer more and no sample.
- **{large:,} hosts** are too many for one: {_figures(whole.memory / _GIB)} GiB, and {_figures(whole.rules)} s
  for rules that are due every {SCRAPED_EVERY} s. Have one per region, or shards by `hashmod` of the address.
  With {machine} GiB of memory, of which series take {SHARE * 100:.0f} % at most and rules as much of their
  time, one takes {each:,} hosts ({_figures(shard.memory / _GIB)} GiB, {_figures(shard.rules)} s), which makes
  {-(-large // each)} of them. Each evaluates the same rules for its own hosts. Only what they record per
  `group` and `job` goes on to a common store by `remote_write`; series of single hosts stay where they are.
"""


def _list(metrics: Sequence[str]) -> str:
    return ", ".join(f"`{metric}`" for metric in metrics) or "nothing that there is"


def _watches(watches: Iterable[Watch]) -> str:
    return table(
        (
            "hosts",
            "series scraped",
            "series recorded",
            "samples/s",
            "resident, MiB",
            "heap in use, MiB",
            "CPU, cores",
            "longest group of rules, ms",
        ),
        [
            (
                str(each.hosts),
                f"{each.scraped:,}",
                f"{each.recorded:,}",
                f"{each.samples:,.0f}",
                f"{each.resident / (1 << 20):,.0f}",
                f"{each.heap / (1 << 20):,.0f}",
                f"{each.cpu:.3f}",
                f"{each.rules * 1e3:,.0f}",
            )
            for each in watches
        ],
    )


def _costs(measured: Measured) -> str:
    return table(
        ("", "measured"),
        [
            ("resident memory of a series", f"{measured.per_series / 1024:.1f} KiB"),
            ("heap in use for it", f"{measured.heap_per_series / 1024:.1f} KiB"),
            ("CPU of a sample, with the rules' part", f"{measured.per_sample * 1e6:.1f} µs"),
            ("longest group of rules, of a host", f"{measured.rules_per_host * 1e3:.2f} ms"),
            ("a sample on disk", f"{measured.on_disk:.2f} bytes"),
            ("of which without the index", f"{measured.stored.chunks / measured.stored.samples:.2f} bytes"),
        ],
    )


def _shares(results: Iterable[Result]) -> str:
    return table(
        ("processes", "host", "a sample, ms", "a scrape, ms", "share of one core"),
        [
            (
                f"{result.processes:,}",
                result.case,
                f"{result.cpu[SAMPLE] * 1e3:.1f}",
                f"{result.cpu[SCRAPE] * 1e3:.1f}",
                f"{share_of_core(result) * 100:.2f} %",
            )
            for processes in SIZES
            for result in results
            if result.processes == processes
        ],
    )


def _estimates(estimates: Iterable[Estimate]) -> str:
    return table(
        (
            "hosts",
            "series of each",
            "series",
            "recorded",
            "samples/s",
            "memory, GiB",
            "CPU, cores",
            "longest group of rules, s",
            "disk, GiB",
            "network, Mbit/s",
        ),
        [
            (
                f"{each.hosts:,}",
                f"{each.of_host:,}",
                f"{each.scraped:,}",
                f"{each.recorded:,}",
                f"{each.samples:,.0f}",
                _figures(each.memory / _GIB),
                _figures(each.cores),
                _figures(each.rules),
                _figures(each.disk / _GIB),
                _figures(each.network / 1e6),
            )
            for each in estimates
        ],
    )


def _figures(number: float) -> str:
    """Two that mean something."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
