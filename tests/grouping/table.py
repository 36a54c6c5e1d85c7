"""Process tables and what the grouper makes of them, written short."""

from collections.abc import Iterable, Sequence

from swap_exporter import config
from swap_exporter.grouping.grouper import Grouper
from swap_exporter.grouping.grouping import Grouping, Member
from swap_exporter.sampling.sample import Process, Sample
from swap_exporter.settings import Configuration
from swap_exporter.settings.template import TemplateContext
from tests import making

CATALOG = config.load(None)
CONTEXT = TemplateContext(boot_time=0, clock_ticks=making.HZ, username=str)

Layout = tuple[int, int, int]


def process(
    pid: int,
    parent: int,
    argv: str | Sequence[str],
    *,
    comm: str = "server",
    start: int | None = None,
    threads: int = 1,
    layout: int | None = None,
    state: str = "S",
    uid: int | None = 33,
    signals: int = 0,
) -> Process:
    """Starts in the order of pids unless ``start`` (in ticks) is given. ``argv`` as text is split at blanks;
    processes of the same ``layout`` have not exec'd since they were one."""
    return making.process(pid, parent=parent, state=state)._replace(
        start_ticks=pid if start is None else start,
        comm=comm,
        threads=threads,
        layout=None if layout is None else (layout, layout, layout),
        argv=tuple(argv.split(" ") if isinstance(argv, str) and argv else argv),
        effective_uid=uid,
        caught_signals=signals,
    )


def ended(of: Process) -> Process:
    return of._replace(state="Z", argv=())


def sample(*processes: Process) -> Sample:
    return making.sample(0.0, sorted(processes))


def grouper(configuration: Configuration = CATALOG) -> Grouper:
    return Grouper(configuration, CONTEXT)


def configured(text: str) -> Configuration:
    return config.parse(text.encode(), "test.yml")


def members_of(grouping: Grouping) -> tuple[Member, ...]:
    """Of all groups, by pid."""
    members = [member for group in grouping.groups.values() for member in group.members]
    return tuple(sorted(members, key=lambda member: member.process.pid))


def roles(grouping: Grouping) -> dict[int, str]:
    return {member.process.pid: member.role.value for member in members_of(grouping)}


def groups(grouping: Grouping) -> dict[int, str]:
    return {member.process.pid: member.group for member in members_of(grouping)}


def over(*samples: Iterable[Process], configuration: Configuration = CATALOG) -> Grouping:
    """What the last of the samples shows to a grouper that has seen them all."""
    seeing = grouper(configuration)
    for processes in samples:
        grouping = seeing.assign(sample(*processes))
    return grouping
