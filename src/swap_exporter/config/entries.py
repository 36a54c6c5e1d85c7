"""Reads the entries of ``process_names``."""

from yaml import ScalarNode

from swap_exporter.config.scalar import boolean, duration, share, signal_number, size, whole_number
from swap_exporter.config.section import Section, Text
from swap_exporter.settings import Entry, Idle, Roles, Swapped
from swap_exporter.settings.pattern import Pattern, PatternError, capture_names, compile_pattern
from swap_exporter.settings.template import Template, TemplateError

ENTRY_KEYS = ("name", "comm", "exe", "cmdline", "with_parent", "idle", "swapped", "roles")

_DEFAULT_NAME = "{{.ExeBase}}"
_ROLE_KEYS = (
    "master",
    "worker",
    "auxiliary",
    "auxiliary_threads",
    "auxiliary_first",
    "worker_catches",
    "auxiliary_catches",
    "job_children",
)


def read_entry(
    section: Section, name: str, builtin: bool, idle: Idle, swapped: Swapped, tick: float
) -> Entry:
    """One entry. ``idle`` and ``swapped`` are its defaults. Mistakes are added to the section."""
    comm, exe, cmdline = section.texts("comm"), section.texts("exe"), section.texts("cmdline")
    if comm is None and exe is None and cmdline is None:
        section.mistake("found no selector, expected at least one of comm, exe and cmdline")
    patterns = [_pattern(section, text) for text in cmdline or ()]
    captures = frozenset[str]().union(*(capture_names(text.value) for text in cmdline or ()))
    return Entry(
        name=_template(section, captures),
        comm=None if comm is None else frozenset(text.value for text in comm),
        exe=None if exe is None else tuple(text.value for text in exe),
        cmdline=None if cmdline is None else tuple(pattern for pattern in patterns if pattern is not None),
        with_parent=section.scalar("with_parent", boolean(), False),
        idle=read_idle(section, idle, tick, builtin=builtin),
        swapped=read_swapped(section, swapped),
        roles=_roles(section),
        where=f"{name}:{section.line}",
        builtin=builtin,
    )


def read_idle(section: Section, defaults: Idle, tick: float, *, builtin: bool = False) -> Idle:
    """``idle``. A window has at least half a tick: a shorter one never contains two comparable samples."""
    # Only the catalogue may set heartbeat: it is measured for each server.
    idle = section.section("idle", ("after", "cpu", "window", *(("heartbeat",) if builtin else ())))
    cpu = idle.optional("cpu", share(above_zero=True), None)
    return Idle(
        after=idle.scalar("after", duration(), defaults.after),
        cpu=defaults.cpu if cpu is None else cpu,
        cpu_is_exact=(cpu is not None or defaults.cpu_is_exact) and not builtin,
        heartbeat=idle.scalar("heartbeat", share(), defaults.heartbeat),
        window=idle.scalar("window", duration(at_least=tick / 2), defaults.window),
    )


def read_swapped(section: Section, defaults: Swapped) -> Swapped:
    swapped = section.section("swapped", ("min_bytes", "min_ratio"))
    return Swapped(
        min_bytes=swapped.scalar("min_bytes", size(at_least=1), defaults.min_bytes),
        min_ratio=swapped.scalar("min_ratio", share(), defaults.min_ratio),
    )


def _template(section: Section, captures: frozenset[str]) -> Template:
    default = Template.parse(_DEFAULT_NAME, frozenset())
    name = section.text("name")
    if name is None or not name.value:
        return default
    try:
        return Template.parse(name.value, captures)
    except TemplateError as error:
        section.mistake(str(error), name, _column(name.node, error.offset))
        return default


def _roles(section: Section) -> Roles:
    roles = section.section("roles", _ROLE_KEYS)
    patterns = {
        role: _pattern(roles, text)
        for role in ("master", "worker", "auxiliary")
        if (text := roles.text(role)) is not None
    }
    return Roles(
        **patterns,
        auxiliary_threads=roles.optional("auxiliary_threads", whole_number(at_least=1), None),
        auxiliary_first=roles.scalar("auxiliary_first", boolean(), False),
        worker_catches=roles.optional("worker_catches", signal_number(), None),
        auxiliary_catches=roles.optional("auxiliary_catches", signal_number(), None),
        job_children=roles.scalar("job_children", boolean(), False),
    )


def _pattern(section: Section, text: Text) -> Pattern | None:
    try:
        return compile_pattern(text.value)
    except PatternError as error:
        section.mistake(f"not a regular expression of RE2: {error}", text)
        return None


def _column(node: ScalarNode, offset: int) -> int:
    """The distance of a character of the text from the start of its scalar, in columns; 0 if unknown."""
    quotes = 2 if node.style in ("'", '"') else 0
    start, end = node.start_mark, node.end_mark
    as_written = start.line == end.line and end.column - start.column == len(node.value) + quotes
    return offset + quotes // 2 if as_written else 0
