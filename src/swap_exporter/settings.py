"""The settings that a configuration gives, with their defaults. Durations are seconds, sizes bytes."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swap_exporter.grouping.entry import Entry


@dataclass(frozen=True, slots=True)
class Idle:
    """When a worker counts as idle."""

    after: float = 300.0
    """Watched for so long and not active in it."""
    cpu: float = 0.004
    """The most that rest may use, as a share of one core."""
    window: float = 60.0
    """The time over which ``cpu`` is taken where it is exact."""
    cpu_is_exact: bool = False
    """The configuration sets ``cpu``: a worker is active from just that share on, and nothing is learned."""
    heartbeat: float = 0.0
    """The least that an idle worker of this kind uses, as a share of one core."""


@dataclass(frozen=True, slots=True)
class Swapped:
    """When a worker counts as swapped: both bounds must be reached by what was displaced."""

    min_bytes: int = 1 << 20
    min_ratio: float = 0.25
    """Of displaced + RssAnon."""


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

    entries: tuple["Entry", ...] = ()
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
