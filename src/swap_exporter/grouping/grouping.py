"""Where each process of a sample belongs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter, is_
from typing import NamedTuple

from swap_exporter.grouping.roles import Reason, Role
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Entry, Idle


class Member(NamedTuple):
    """A process that is in a group."""

    process: Process
    group: str
    role: Role
    entry: Entry
    """The entry that claims it, or that claims the ancestor through which it joined."""
    joined: bool
    """No entry claims it: it is in the group of an ancestor (``children``)."""
    reason: Reason
    """The rule that decided its role."""


class Group:
    """The processes of one group. The same object is used again until a process changes, so that its results
    can be cached."""

    def __init__(self, members: tuple[Member, ...]) -> None:
        self.members = members
        """In the order of their pids. Ended processes are still members: their counters have to be added."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self.members == other.members

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        return tuple(member.process for member in self.members)

    @cached_property
    def in_swap(self) -> tuple[Process, ...]:
        """Those that may have anything in swap."""
        return tuple(process for process in self.processes if process.swap != 0)

    @cached_property
    def threaded_workers(self) -> tuple[Process, ...]:
        """Its workers with several threads, whose exact CPU time is a sum over the threads."""
        return tuple(
            member.process
            for member in self.members
            if member.role is Role.WORKER and member.process.threads > 1
        )

    @cached_property
    def idle(self) -> Idle:
        """The settings of its members; if they differ, those with the longest ``after``."""
        return max((member.entry.idle for member in self.members), key=attrgetter("after"))

    @cached_property
    def windows(self) -> frozenset[float]:
        """Every ``idle.window`` of its members."""
        return frozenset(member.entry.idle.window for member in self.members)

    @cached_property
    def cgroups(self) -> frozenset[tuple[str, ...]]:
        """The cgroups of its processes, the paths of each in all hierarchies."""
        places = (member.process.cgroups for member in self.members)
        return frozenset(place for place in places if place is not None)


@dataclass(frozen=True)
class Grouping:
    """Each process is in exactly one group, or ungrouped."""

    groups: Mapping[str, Group]
    ungrouped: tuple[Process, ...]
    overflow: int
    """The number of members of OVERFLOW."""


def by_name(members: Iterable[Member], before: Mapping[str, Group] | None = None) -> dict[str, Group]:
    """The groups of these members. A group of ``before`` with the same members is used again."""
    lists: dict[str, list[Member]] = {}
    for member in members:
        lists.setdefault(member.group, []).append(member)
    groups = {}
    for name, present in lists.items():
        known = before.get(name) if before else None
        groups[name] = known if known and _same(known.members, present) else Group(tuple(present))
    return groups


def _same(some: Sequence[Member], others: Sequence[Member]) -> bool:
    return len(some) == len(others) and all(map(is_, some, others))
