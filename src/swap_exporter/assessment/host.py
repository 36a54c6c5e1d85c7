"""What the exporter says of the machine: whose the used swap is, what is stranded, which cgroups hold it."""

from collections.abc import Iterable
from dataclasses import dataclass

from swap_exporter.assessment.group import GroupAssessment
from swap_exporter.assessment.sums import held_swap, total
from swap_exporter.history.history import Observation
from swap_exporter.sampling.cgroups import CgroupSwap


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who holds the used swap, in bytes. ``None`` is what cannot be read: of processes, if one is hidden."""

    grouped: int | None
    ungrouped: int | None
    sysv_shm: int | None
    unattributed: int | None
    """tmpfs, memfd, and slots that the swap cache alone keeps."""


def attribute(observation: Observation, groups: Iterable[GroupAssessment]) -> Attribution:
    host, inspection = observation.sample.host, observation.inspection
    grouped = ungrouped = None
    if not observation.sample.hides_processes:
        grouped = total(group.held for group in groups)
        ungrouped = total(held_swap(process, inspection) for process in observation.grouping.ungrouped)
    attributed = total((grouped, ungrouped, host.sysv_shm_swap or 0))
    used = None if host.meminfo is None else host.meminfo.swap_total - host.meminfo.swap_free
    return Attribution(
        grouped=grouped,
        ungrouped=ungrouped,
        sysv_shm=host.sysv_shm_swap,
        unattributed=None if used is None or attributed is None else max(0, used - attributed),
    )


def host_stranded(groups: Iterable[GroupAssessment], room: int | None) -> int | None:
    stranded = total(None if group.idle_swapped is None else group.idle_swapped.stranded for group in groups)
    return None if room is None or stranded is None else min(room, stranded)


def cgroups_of_members(
    observation: Observation, limit: int
) -> tuple[dict[str, CgroupSwap], tuple[tuple[str, str], ...]]:
    read = observation.inspection.cgroups
    if read is None:
        return {}, ()
    # By path, so that the same ones are told at each sample.
    told = {path: read.swap[path] for path in sorted(read.swap)[:limit]}
    pairs = {
        (path, name)
        for name, group in observation.grouping.groups.items()
        for place in group.cgroups
        if (path := read.path.get(place)) in told and path is not None
    }
    return told, tuple(sorted(pairs))
