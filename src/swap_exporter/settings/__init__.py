"""The settings that a configuration gives, with their defaults. Durations are seconds, sizes bytes."""

from dataclasses import dataclass, field

from swap_exporter.settings.pattern import Pattern
from swap_exporter.settings.template import Template


@dataclass(frozen=True, slots=True)
class Idle:
    """When a worker counts as idle."""

    after: float = 300.0
    """Seconds for which a worker has been watched and not active."""
    cpu: float = 0.004
    """The bound on what a worker at rest uses, as a share of one core."""
    window: float = 60.0
    """Seconds over which ``cpu`` is measured where it is exact."""
    cpu_is_exact: bool = False
    """The configuration sets ``cpu``: a worker that uses so much is active, and nothing is learned."""
    heartbeat: float = 0.0
    """The least that an idle worker of this kind uses, as a share of one core."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """When a worker counts as swapped: what was displaced has to reach both bounds."""

    min_bytes: int = 1 << 20
    min_ratio: float = 0.25
    """Of displaced + RssAnon."""


@dataclass(frozen=True, slots=True)
class Roles:
    """How an entry determines roles. Patterns are searched in the title."""

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
    """One entry of ``process_names``, compiled: what it claims, the group's name, when a worker is idle."""

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


@dataclass(frozen=True, slots=True)
class Quiet:
    """When the host counts as quiet."""

    max_bytes_per_second: int = 1 << 20
    window: float = 300.0


@dataclass(frozen=True, slots=True)
class Proportional:
    """How much reading SwapPss may cost."""

    share_of_time: float = 0.01
    max_process_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    groups: int = 500
    cgroups: int = 500
    name_bytes: int = 256


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a configuration file decides."""

    entries: tuple[Entry, ...] = ()
    """In the order in which they are tried: the user's first, then the catalogue's."""
    children: bool = True
    idle: Idle = field(default_factory=Idle)
    swapped: Swapped = field(default_factory=Swapped)
    quiet: Quiet = field(default_factory=Quiet)
    proportional: Proportional = field(default_factory=Proportional)
    rate_window: float = 60.0
    forget: float = 600.0
    """How long a group is kept after its last process, unless an entry of the user has its name without a
    template."""
    tick: float = 15.0
    min_sample_interval: float = 1.0
    limits: Limits = field(default_factory=Limits)
