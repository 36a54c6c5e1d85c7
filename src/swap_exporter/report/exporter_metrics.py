"""The metrics of a running exporter: idle workers, and other values that two samples cannot give."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from prometheus_client.parser import text_string_to_metric_families

from swap_exporter.assessment import Assessment, GroupAssessment, IdleSwapped, Residency, Wake, at_most
from swap_exporter.assessment.sums import used_swap
from swap_exporter.client.http import AskError
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity

_PREFIX = "swap_group_"


@dataclass(slots=True)
class ExporterGroup:
    """One group. ``None``: the exporter does not export the value, or not yet."""

    workers: dict[tuple[Activity, Residency], int] = field(default_factory=dict)
    proportional: dict[Role, int] = field(default_factory=dict)
    """SwapPss in bytes by role."""
    values: dict[str, float] = field(default_factory=dict)
    """The metrics whose only label is ``group``, by name without ``swap_group_``."""

    def assessed(self, group: GroupAssessment, used: int | None) -> GroupAssessment:
        """``group`` with the figures of this exporter. ``used``: bytes of used swap."""
        if group.proportional_swap is None and set(Role) <= set(self.proportional):
            roles = {
                role: replace(own, proportional_swap=self.proportional[role])
                for role, own in group.roles.items()
            }
            group = replace(group, roles=roles)
        return replace(
            group,
            workers=self.workers if any(self.workers.values()) else group.workers,
            # An exporter that cannot read SwapPss counts shared pages several times.
            idle_swapped=self._idle_swapped(group.proportional_swap, used),
            longest_idle_since=self.values.get("longest_idle_since_timestamp_seconds"),
            wake=self._wake(),
        )

    def _idle_swapped(self, *bounds: int | None) -> IdleSwapped | None:
        workers = self._whole("idle_swapped_workers")
        if workers is None:
            return None
        return IdleSwapped(
            workers=workers,
            swap=self._whole("idle_swapped_bytes"),
            proportional_swap=self._whole("idle_swapped_proportional_bytes"),
            displaced=self._whole("displaced_bytes"),
            stranded=at_most(self._whole("stranded_bytes"), *bounds),
        )

    def _wake(self) -> Wake | None:
        size = self.values.get("wake_bytes")
        if size is None:
            return None
        return Wake(size, self.values.get("wake_seconds"), self.values.get("wake_all_seconds"))

    def _whole(self, name: str) -> int | None:
        value = self.values.get(name)
        return None if value is None else int(value)


@dataclass(frozen=True, slots=True)
class ExporterMetrics:
    """The part of an exposition that the report uses."""

    url: str
    groups: Mapping[str, ExporterGroup]

    def assessed(self, assessment: Assessment) -> Assessment:
        """``assessment`` with the exporter's values for the groups that it knows."""
        used = used_swap(assessment.sample)
        groups = (
            self.groups[group.name].assessed(group, used) if group.name in self.groups else group
            for group in assessment.groups
        )
        return replace(assessment, groups=tuple(groups))


def parse(url: str, body: bytes) -> ExporterMetrics:
    """Parse an exposition. Raises :class:`AskError` unless it is a swap-exporter's."""
    groups: dict[str, ExporterGroup] = {}
    known = False
    try:
        for family in text_string_to_metric_families(body.decode()):
            known = known or family.name == "swap_exporter_build_info"
            for sample in family.samples:
                _add(groups, sample.name, sample.labels, sample.value)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise AskError(f"{url}: the answer is not an exposition of metrics") from error
    if not known:
        raise AskError(f"{url}: is not a swap-exporter: there is no swap_exporter_build_info")
    return ExporterMetrics(url, groups)


def _add(groups: dict[str, ExporterGroup], name: str, labels: Mapping[str, str], value: float) -> None:
    # NaN, infinities and negative numbers count as absent: every value is a size, a time or a count.
    if not name.startswith(_PREFIX) or not 0 <= value < 2**63:
        return
    group = groups.setdefault(labels["group"], ExporterGroup())
    if name == "swap_group_workers":
        group.workers[Activity(labels["activity"]), Residency(labels["residency"])] = int(value)
    elif name == "swap_group_swap_proportional_bytes":
        group.proportional[Role(labels["role"])] = int(value)
    elif len(labels) == 1:
        group.values[name.removeprefix(_PREFIX)] = value
