"""The tables of ``swap_exporter_*``: the exporter about its samples and its configuration."""

import platform
from collections.abc import Iterable
from typing import NamedTuple

from swap_exporter import __version__
from swap_exporter.assessment import Assessment
from swap_exporter.exposition.row import Labelled, Row, optional, single
from swap_exporter.sampling.sample import CollectorRun

_READS = ("read", "kept", "waiting", "too_large", "denied")


class Reload(NamedTuple):
    """How the last attempt to read the configuration went."""

    successful: bool
    last_success: float
    """Unix time."""


def _runs(assessment: Assessment) -> Iterable[CollectorRun]:
    """Collectors that have something to read on this host."""
    runs = (*assessment.sample.collectors, *assessment.details.collectors)
    return (run for run in runs if run.success is not None)


def _processes(assessment: Assessment) -> Labelled:
    sample = assessment.sample
    counts = {"scanned": len(sample.processes), "vanished": sample.vanished, "denied": sample.denied}
    return (((result,), count) for result, count in counts.items())


def _proportional_reads(assessment: Assessment) -> Labelled:
    coverage = assessment.details.coverage
    return [] if coverage is None else [((result,), getattr(coverage, result)) for result in _READS]


# fmt: off
EXPORTER: tuple[Row[Assessment], ...] = (
    Row("swap_exporter_build_info", "gauge", ("version", "python"),
        "Always 1: the versions of the exporter and of its Python.",
        lambda _: [((__version__, platform.python_version()), 1)]),
    Row("swap_exporter_collector_success", "gauge", ("collector",),
        "1 if the collector could read its source in the last sample, else 0.",
        lambda assessment: (((run.name,), run.success) for run in _runs(assessment))),
    Row("swap_exporter_collector_duration_seconds", "gauge", ("collector",),
        "How long the collector took in the last sample.",
        lambda assessment: (((run.name,), run.seconds) for run in _runs(assessment))),
    Row("swap_exporter_capability", "gauge", ("capability",),
        "1 if the host and the exporter's privileges provide this source, else 0. The log says what would "
        "help.",
        lambda assessment: [((name,), reason is None) for name, reason in assessment.capabilities.items()]),
    Row("swap_exporter_last_sample_timestamp_seconds", "gauge", (),
        "Unix time of the last complete sample: one that has all processes in it.",
        single(optional(lambda assessment: assessment.complete_at, lambda at: at.wall))),
    Row("swap_exporter_processes", "gauge", ("result",),
        "Processes in the last sample: read (scanned), ended meanwhile (vanished), or not readable (denied).",
        _processes),
    Row("swap_exporter_proportional_reads", "gauge", ("result",),
        "Processes by the state of their SwapPss: read since the last sample (read), known from an earlier "
        "reading (kept), not read yet (waiting), too large to read (too_large), or not readable (denied).",
        _proportional_reads),
    Row("swap_exporter_overflow_processes", "gauge", (),
        "Processes in the group (overflow), because there were more groups than limits.groups.",
        single(lambda assessment: assessment.overflow)),
)

RELOAD: tuple[Row[Reload], ...] = (
    Row("swap_exporter_config_last_reload_successful", "gauge", (),
        "1 if the last attempt to read the configuration succeeded, else 0.",
        single(lambda reload: reload.successful)),
    Row("swap_exporter_config_last_reload_success_timestamp_seconds", "gauge", (),
        "Unix time at which the configuration was last read successfully.",
        single(lambda reload: reload.last_success)),
)
# fmt: on
