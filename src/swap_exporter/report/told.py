"""What a running exporter tells and two samples cannot: who has been idle, and what was pushed out since."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from swap_exporter.client.http import AskError
from swap_exporter.grouping.roles import Role
from swap_exporter.history.watch import Activity


@dataclass(slots=True)
class ToldGroup:
    """One group; ``None`` is what the exporter does not export, or not yet."""

    workers: dict[tuple[str, str], int] = field(default_factory=dict)
    """By activity and residency."""
    proportional: dict[str, int] = field(default_factory=dict)
    """SwapPss in bytes by role."""
    idle_swapped_workers: int | None = None
    displaced: int | None = None
    """Bytes."""
    stranded: int | None = None
    """Bytes."""
    longest_idle_since: float | None = None
    """Unix time."""
    wake_bytes: int | None = None
    wake_seconds: float | None = None

    @property
    def worker_count(self) -> int:
        return sum(self.workers.values())

    @property
    def idle(self) -> int | None:
        """Idle workers; ``None`` while that is known of none of them."""
        if not self.workers or (self.unknown and self.unknown == self.worker_count):
            return None
        return self._count(0, Activity.IDLE)

    @property
    def unknown(self) -> int:
        """Workers that have not been watched for long enough: they may be idle."""
        return self._count(0, Activity.UNKNOWN)

    @property
    def swapped(self) -> int:
        return self._count(1, "swapped")

    @property
    def proportional_swap(self) -> int | None:
        """Of the whole group, in bytes; ``None`` unless each role's is known."""
        return sum(self.proportional.values()) if set(Role) <= self.proportional.keys() else None

    def _count(self, label: int, value: str) -> int:
        return sum(count for labels, count in self.workers.items() if labels[label] == value)


@dataclass(frozen=True, slots=True)
class Told:
    """One exposition, as far as the report uses it."""

    url: str
    groups: Mapping[str, ToldGroup]


_OF_GROUP = {
    "swap_group_idle_swapped_workers": ("idle_swapped_workers", int),
    "swap_group_displaced_bytes": ("displaced", int),
    "swap_group_stranded_bytes": ("stranded", int),
    "swap_group_longest_idle_since_timestamp_seconds": ("longest_idle_since", float),
    "swap_group_wake_bytes": ("wake_bytes", int),
    "swap_group_wake_seconds": ("wake_seconds", float),
}


def parse(url: str, body: bytes) -> Told:
    """Read an exposition. Raises :class:`AskError` where it is not that of a swap-exporter."""
    groups: dict[str, ToldGroup] = {}
    known = False
    try:
        for family in text_string_to_metric_families(body.decode()):
            known = known or family.name == "swap_exporter_build_info"
            for sample in family.samples:
                _take(groups, sample.name, sample.labels, sample.value)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise AskError(f"{url}: answers with something that is no exposition of metrics") from error
    if not known:
        raise AskError(f"{url}: is not a swap-exporter: there is no swap_exporter_build_info")
    return Told(url, groups)


def _take(groups: dict[str, ToldGroup], name: str, labels: Mapping[str, str], value: float) -> None:
    # What is no size and no time is not told: NaN, infinities, and whatever an impostor may think of.
    if not name.startswith("swap_group_") or not 0 <= value < 2**63:
        return
    group = groups.setdefault(labels["group"], ToldGroup())
    if name == "swap_group_workers":
        group.workers[labels["activity"], labels["residency"]] = int(value)
    elif name == "swap_group_swap_proportional_bytes":
        group.proportional[labels["role"]] = int(value)
    elif name in _OF_GROUP:
        attribute, kind = _OF_GROUP[name]
        setattr(group, attribute, kind(value))
