"""The assessment of one process."""

from dataclasses import dataclass
from enum import StrEnum

from swap_exporter.grouping.grouping import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity, ActivityState, activity, displaced
from swap_exporter.sampling.sample import Instant


class Residency(StrEnum):
    RESIDENT = "resident"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True)
class WorkerAssessment:
    """Activity and residency of one process, with what they were derived from."""

    member: Member
    state: ActivityState
    activity: Activity
    residency: Residency
    displaced: int | None
    """Bytes pushed out since it was last active; ``None`` where VmSwap cannot be read."""

    @property
    def idle_swapped(self) -> bool:
        return (
            self.member.role is Role.WORKER
            and self.activity is Activity.IDLE
            and self.residency is Residency.SWAPPED
        )


def assess_worker(member: Member, state: ActivityState, at: Instant) -> WorkerAssessment:
    """Assess one process that has not ended."""
    return WorkerAssessment(
        member=member,
        state=state,
        activity=activity(state, at, member.entry.idle),
        residency=Residency.SWAPPED if state.swapped else Residency.RESIDENT,
        displaced=displaced(member.process, state.cold),
    )
