"""Verdicts: idle, swapped, quiet, stranded. Pure: an observation in, what the exporter says of it out.

``None`` means that it is not known, or not known yet; nothing downstream may turn it into a 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from swap_exporter.assessment.capabilities import capabilities
from swap_exporter.assessment.group import (
    GroupAssessment,
    IdleSwapped,
    RoleAssessment,
    Wake,
    assess_group,
)
from swap_exporter.assessment.host import Attribution, attribute, cgroups_of_members, host_stranded
from swap_exporter.assessment.sums import at_most, headroom, total, used_swap
from swap_exporter.assessment.worker import Residency, WorkerAssessment
from swap_exporter.details.cgroups import CgroupSwap
from swap_exporter.details.details import Details
from swap_exporter.history.history import Observation
from swap_exporter.sampling.sample import Instant, Sample
from swap_exporter.settings import Configuration

__all__ = [
    "Assessment",
    "Attribution",
    "GroupAssessment",
    "IdleSwapped",
    "Residency",
    "RoleAssessment",
    "Wake",
    "WorkerAssessment",
    "assess",
    "at_most",
    "headroom",
    "of_the_host_alone",
    "total",
]


@dataclass(frozen=True, slots=True)
class Assessment:
    """One sample, judged: all that the exposition, the page and the report need."""

    sample: Sample
    details: Details
    groups: tuple[GroupAssessment, ...]
    """By name."""
    overflow: int
    """Processes in the group that takes what exceeds ``limits.groups``."""
    quiet: bool | None
    stranded: int | None
    """Of the host, in bytes: at most its headroom and its used swap."""
    attribution: Attribution | None
    """``None`` where the sample broke off."""
    cgroups: Mapping[str, CgroupSwap]
    """Those of version 2 that hold a member, by path; ``limits.cgroups`` at most, the first by path."""
    cgroup_groups: tuple[tuple[str, str], ...]
    """Which group (second) has a process in which of these cgroups (first)."""
    capabilities: Mapping[str, str | None]
    """By name: why it is missing, ``None`` where it is there. Empty where the sample broke off."""
    swapin_pages_per_second: float | None
    swapout_pages_per_second: float | None
    complete_at: Instant | None
    """When the last sample was taken that has all processes in it: this one, or one before."""


def assess(
    observation: Observation, configuration: Configuration, before: Assessment | None = None
) -> Assessment:
    """Judge one observation. ``before``, what was said of the last one, changes nothing of what is said: it
    spares looking again at groups of which nothing has changed."""
    cgroups, cgroup_groups = cgroups_of_members(observation, configuration.limits.cgroups)
    stood = {group.name: group.snapshot for group in before.groups} if before is not None else {}
    groups = tuple(
        assess_group(name, record, observation, stood.get(name))
        for name, record in observation.groups.items()
    )
    moved = observation.quiet_pages_per_second
    page_size = observation.sample.page_size
    return Assessment(
        sample=observation.sample,
        details=observation.details,
        groups=groups,
        overflow=observation.grouping.overflow,
        quiet=None if moved is None else moved * page_size <= configuration.quiet.max_bytes_per_second,
        stranded=host_stranded(groups, headroom(observation.sample), used_swap(observation.sample)),
        attribution=attribute(observation, groups),
        cgroups=cgroups,
        cgroup_groups=cgroup_groups,
        capabilities=capabilities(observation.sample, observation.details),
        swapin_pages_per_second=observation.swapin_pages_per_second,
        swapout_pages_per_second=observation.swapout_pages_per_second,
        complete_at=observation.sample.at,
    )


def of_the_host_alone(sample: Sample, complete_at: Instant | None = None) -> Assessment:
    """An assessment of a sample that broke off. It has no groups, because nothing is known of them.
    ``complete_at``: when the last complete sample was taken."""
    return Assessment(
        sample=sample,
        details=Details(),
        groups=(),
        overflow=0,
        quiet=None,
        stranded=None,
        attribution=None,
        cgroups={},
        cgroup_groups=(),
        capabilities={},
        swapin_pages_per_second=None,
        swapout_pages_per_second=None,
        complete_at=complete_at,
    )
