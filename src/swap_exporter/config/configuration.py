"""Reads a configuration file into settings, or reports every mistake in it."""

from dataclasses import replace

from swap_exporter.config.catalog import CATALOG_NAME, catalog_text
from swap_exporter.config.document import compose, read_file
from swap_exporter.config.entries import ENTRY_KEYS, read_entry, read_idle, read_swapped
from swap_exporter.config.mistakes import Mistakes
from swap_exporter.config.scalar import boolean, duration, share, size, whole_number
from swap_exporter.config.section import Section
from swap_exporter.settings import Configuration, Entry, Idle, Limits, Proportional, Quiet, Swapped

_KEYS = (
    "process_names",
    "catalog",
    "children",
    "idle",
    "swapped",
    "quiet",
    "proportional",
    "rate_window",
    "forget",
    "tick",
    "min_sample_interval",
    "limits",
)
# The shortest window of the catalogue, one minute, must contain two samples.
_MAX_TICK = 120.0


def load(path: str | None) -> Configuration:
    """The configuration in a file; without a path, the defaults with the catalogue. Raises ConfigError."""
    if path is None:
        defaults = Configuration()
        return Configuration(entries=_catalog(defaults.idle, defaults.swapped))
    return parse(read_file(path), path)


def parse(content: bytes, name: str, *, builtin: bool = False) -> Configuration:
    """The configuration in the content of a file. Messages use ``name`` for the file. Raises ConfigError.

    ``builtin``: this is the catalogue. It has only entries, and the catalogue is not added to them.
    """
    mistakes = Mistakes(name)
    root = Section(compose(content, name), "", _KEYS[:1] if builtin else _KEYS, mistakes)
    defaults = Configuration()
    tick = root.scalar("tick", duration(at_most=_MAX_TICK), defaults.tick)
    idle = read_idle(root, defaults.idle, tick)
    swapped = read_swapped(root, defaults.swapped)
    entries = _entries(root, name, builtin, idle, swapped, tick)
    catalog = root.scalar("catalog", boolean(), True)
    configuration = Configuration(
        entries=entries,
        children=root.scalar("children", boolean(), defaults.children),
        idle=idle,
        swapped=swapped,
        quiet=_quiet(root),
        proportional=_proportional(root),
        rate_window=root.scalar("rate_window", duration(), defaults.rate_window),
        forget=root.scalar("forget", duration(), defaults.forget),
        tick=tick,
        min_sample_interval=root.scalar("min_sample_interval", duration(), defaults.min_sample_interval),
        limits=_limits(root),
    )
    mistakes.raise_any()
    if builtin or not catalog:
        return configuration
    return replace(configuration, entries=entries + _catalog(idle, swapped))


def _catalog(idle: Idle, swapped: Swapped) -> tuple[Entry, ...]:
    mistakes = Mistakes(CATALOG_NAME)
    root = Section(compose(catalog_text().encode(), CATALOG_NAME), "", _KEYS[:1], mistakes)
    entries = _entries(root, CATALOG_NAME, True, idle, swapped, 0.0)
    mistakes.raise_any()
    return entries


def _entries(
    root: Section, name: str, builtin: bool, idle: Idle, swapped: Swapped, tick: float
) -> tuple[Entry, ...]:
    sections = root.sections("process_names", ENTRY_KEYS)
    return tuple(read_entry(section, name, builtin, idle, swapped, tick) for section in sections)


def _quiet(root: Section) -> Quiet:
    defaults, quiet = Quiet(), root.section("quiet", ("max_bytes_per_second", "window"))
    return Quiet(
        max_bytes_per_second=quiet.scalar(
            "max_bytes_per_second", size(at_least=0), defaults.max_bytes_per_second
        ),
        window=quiet.scalar("window", duration(), defaults.window),
    )


def _proportional(root: Section) -> Proportional:
    defaults = Proportional()
    proportional = root.section("proportional", ("share_of_time", "max_process_bytes"))
    return Proportional(
        share_of_time=proportional.scalar("share_of_time", share(), defaults.share_of_time),
        max_process_bytes=proportional.optional(
            "max_process_bytes", size(at_least=1), defaults.max_process_bytes
        ),
    )


def _limits(root: Section) -> Limits:
    defaults, limits = Limits(), root.section("limits", ("groups", "cgroups", "name_bytes"))
    return Limits(
        groups=limits.scalar("groups", whole_number(at_least=1), defaults.groups),
        cgroups=limits.scalar("cgroups", whole_number(at_least=1), defaults.cgroups),
        name_bytes=limits.scalar("name_bytes", whole_number(at_least=16), defaults.name_bytes),
    )
