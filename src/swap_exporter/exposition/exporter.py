"""The ``swap_exporter_*`` families: the exporter about itself."""

import platform
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import Metric

from swap_exporter import __version__
from swap_exporter.assessment import Assessment
from swap_exporter.exposition.family import gauge, single

_READS = ("read", "kept", "waiting", "too_large", "denied")


class Reload(NamedTuple):
    """How the last attempt to read the configuration went."""

    successful: bool
    last_success: float
    """Unix time."""


def of_sample(assessment: Assessment) -> Iterator[Metric]:
    """What one sample cost and met."""
    sample, inspection = assessment.sample, assessment.inspection
    runs = [run for run in (*sample.collectors, *inspection.collectors) if run.success is not None]
    yield from gauge(
        "swap_exporter_build_info",
        "Always 1: the version of the exporter and of its Python.",
        ("version", "python"),
        [((__version__, platform.python_version()), 1)],
    )
    yield from gauge(
        "swap_exporter_collector_success",
        "1 if the collector read its source in the last sample, else 0.",
        ("collector",),
        (((run.name,), run.success) for run in runs),
    )
    yield from gauge(
        "swap_exporter_collector_duration_seconds",
        "How long the collector took in the last sample.",
        ("collector",),
        (((run.name,), run.seconds) for run in runs),
    )
    yield from gauge(
        "swap_exporter_capability",
        "1 if the host and the exporter's privileges give this source, else 0: the log says what would help.",
        ("capability",),
        [((name,), reason is None) for name, reason in assessment.capabilities.items()],
    )
    yield from gauge(
        "swap_exporter_last_sample_timestamp_seconds",
        "Unix time at which the last complete sample was taken: one that has all processes in it.",
        (),
        single(None if assessment.complete_at is None else assessment.complete_at.wall),
    )
    yield from gauge(
        "swap_exporter_processes",
        "Processes of the last sample: scanned, ended meanwhile (vanished), or not to be read (denied).",
        ("result",),
        [
            (("scanned",), len(sample.processes)),
            (("vanished",), sample.vanished),
            (("denied",), sample.denied),
        ],
    )
    if inspection.coverage is not None:
        yield from gauge(
            "swap_exporter_proportional_reads",
            "Processes whose proportional swap was read since the last sample, is kept from before, waits to "
            "be read, will not be read because they are too large, or cannot be (denied).",
            ("result",),
            [((result,), getattr(inspection.coverage, result)) for result in _READS],
        )
    yield from gauge(
        "swap_exporter_overflow_processes",
        "Processes in the group (overflow), because there were more groups than limits.groups.",
        (),
        single(assessment.overflow),
    )


def of_reload(reload: Reload) -> Iterator[Metric]:
    """How reading the configuration went."""
    yield from gauge(
        "swap_exporter_config_last_reload_successful",
        "1 if the last attempt to read the configuration succeeded, else 0.",
        (),
        single(reload.successful),
    )
    yield from gauge(
        "swap_exporter_config_last_reload_success_timestamp_seconds",
        "Unix time at which the configuration was last read successfully.",
        (),
        single(reload.last_success),
    )
