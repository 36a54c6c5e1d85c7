"""One entry of ``process_names``: which processes it claims, under which name, and how it judges them."""

from dataclasses import dataclass, field

from swap_exporter.grouping.pattern import Pattern
from swap_exporter.grouping.template import Template
from swap_exporter.settings import Idle, Swapped


@dataclass(frozen=True, slots=True)
class Roles:
    """How an entry tells roles. Patterns are searched in the title."""

    master: Pattern | None = None
    worker: Pattern | None = None
    auxiliary: Pattern | None = None
    auxiliary_threads: int | None = None
    """A master's first child is an auxiliary if it alone has this many threads and its siblings have more."""
    auxiliary_first: bool = False
    """A master's first child is an auxiliary, if it has others."""
    worker_catches: int | None = None
    """A child that has no handler for this signal is an auxiliary if its parent or a sibling has one."""
    auxiliary_catches: int | None = None
    """A child that has a handler for this signal is an auxiliary if a sibling has none."""
    job_children: bool = False
    """A worker forks a process for each job: an auxiliary, also if it has the title of a worker."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, compiled."""

    name: Template
    comm: frozenset[str] | None = None
    exe: tuple[str, ...] | None = None
    cmdline: tuple[Pattern, ...] | None = None
    idle: Idle = field(default_factory=Idle)
    swapped: Swapped = field(default_factory=Swapped)
    roles: Roles = field(default_factory=Roles)
    where: str = ""
    """``FILE:LINE`` of the entry, for people."""
    builtin: bool = False
    """From the catalogue."""
    with_parent: bool = False
    """A process whose parent has been claimed by an entry of the same origin has the parent's group name."""
