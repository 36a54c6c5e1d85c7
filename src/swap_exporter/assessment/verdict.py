"""What the exporter says of one process."""

from dataclasses import dataclass
from enum import StrEnum

from swap_exporter.grouping.grouping import Member
from swap_exporter.grouping.roles import Role
from swap_exporter.history.watch import Activity, Watch, activity, displaced
from swap_exporter.sampling.sample import Instant


class Residency(StrEnum):
    RESIDENT = "resident"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the exporter says of one process."""

    member: Member
    watch: Watch
    activity: Activity
    residency: Residency
    displaced: int | None
    """Bytes; see design: what was pushed out since it was last active."""

    @property
    def idle_swapped(self) -> bool:
        return (
            self.member.role is Role.WORKER
            and self.activity is Activity.IDLE
            and self.residency is Residency.SWAPPED
        )


def judge(member: Member, watch: Watch, at: Instant) -> Verdict:
    """Judge one process that has not ended."""
    return Verdict(
        member=member,
        watch=watch,
        activity=activity(watch, at, member.entry.idle),
        residency=Residency.SWAPPED if watch.swapped else Residency.RESIDENT,
        displaced=displaced(member.process, watch.cold),
    )
