"""The assessment of the host: whose the used swap is, what is stranded, and which cgroups have members."""

from collections.abc import Iterable
from dataclasses import dataclass

from swap_exporter.assessment.group import GroupAssessment
from swap_exporter.assessment.sums import at_most, swap_share, total, used_swap
from swap_exporter.details.cgroups import CgroupSwap
from swap_exporter.history.history import Observation


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose the used swap is, in bytes. ``None`` if unreadable; for processes, if any is hidden."""

    grouped: int | None
    ungrouped: int | None
    sysv_shm: int | None
    unattributed: int | None
    """tmpfs, memfd, and slots that the swap cache alone keeps."""


def attribute(observation: Observation, groups: Iterable[GroupAssessment]) -> Attribution:
    host, details, used = observation.sample.host, observation.details, used_swap(observation.sample)
    grouped = ungrouped = None
    if not observation.sample.hides_processes:
        grouped = at_most(total(group.attributed for group in groups), used)
        ungrouped = at_most(
            total(swap_share(process, details) for process in observation.grouping.ungrouped), used
        )
    attributed = total((grouped, ungrouped, host.sysv_shm_swap or 0))
    return Attribution(
        grouped=grouped,
        ungrouped=ungrouped,
        sysv_shm=host.sysv_shm_swap,
        unattributed=None if used is None or attributed is None else max(0, used - attributed),
    )


def host_stranded(groups: Iterable[GroupAssessment], room: int | None, used: int | None) -> int | None:
    """Of all groups, in bytes: they share the room, and the used swap."""
    stranded = total(None if group.idle_swapped is None else group.idle_swapped.stranded for group in groups)
    return None if room is None else at_most(stranded, room, used)


def cgroups_of_members(
    observation: Observation, limit: int
) -> tuple[dict[str, CgroupSwap], tuple[tuple[str, str], ...]]:
    read = observation.details.cgroups
    if read is None:
        return {}, ()
    # By path, so that each sample exports the same ones.
    exported = {path: read.swap[path] for path in sorted(read.swap)[:limit]}
    pairs = {
        (path, name)
        for name, group in observation.grouping.groups.items()
        for place in group.cgroups
        if (path := read.path.get(place)) in exported and path is not None
    }
    return exported, tuple(sorted(pairs))
