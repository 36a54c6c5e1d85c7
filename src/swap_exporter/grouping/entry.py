"""An entry of ``process_names``: which processes it claims, their group name and their settings."""

from dataclasses import dataclass, field

from swap_exporter.grouping.pattern import Pattern
from swap_exporter.grouping.template import Template
from swap_exporter.settings import Idle, Swapped


@dataclass(frozen=True, slots=True)
class Roles:
    """How an entry decides roles. Patterns are searched in the title."""

    master: Pattern | None = None
    worker: Pattern | None = None
    auxiliary: Pattern | None = None
    auxiliary_threads: int | None = None
    """A master's first child is an auxiliary if it has this many threads and all its siblings have more."""
    auxiliary_first: bool = False
    """A master's first child is an auxiliary if the master has other children."""
    worker_catches: int | None = None
    """A child that has no handler for this signal is an auxiliary if its parent or a sibling has one."""
    auxiliary_catches: int | None = None
    """A child that has a handler for this signal is an auxiliary if a sibling has none."""
    job_children: bool = False
    """A worker forks a process for each job. That is an auxiliary, even with the title of a worker."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A compiled entry."""

    name: Template
    comm: frozenset[str] | None = None
    exe: tuple[str, ...] | None = None
    cmdline: tuple[Pattern, ...] | None = None
    idle: Idle = field(default_factory=Idle)
    swapped: Swapped = field(default_factory=Swapped)
    roles: Roles = field(default_factory=Roles)
    where: str = ""
    """``FILE:LINE`` of the entry, for messages."""
    builtin: bool = False
    """It is from the catalogue."""
    with_parent: bool = False
    """If an entry of the same file claims the parent, the process gets the parent's group name."""
