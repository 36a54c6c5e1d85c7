"""Short ways to write down processes, samples and groupings for tables of cases."""

from collections.abc import Iterable

from swap_exporter.grouping.grouping import Grouping, Member, by_name
from swap_exporter.grouping.roles import Reason, Role
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.sampling.host import Host
from swap_exporter.sampling.sample import CpuClock, Instant, Process, Sample
from swap_exporter.settings import Entry, Idle, Swapped
from swap_exporter.settings.template import Template

MIB = 1 << 20
HZ = 100


def instant(seconds: float, *, suspended: float = 0.0, stepped: float = 0.0) -> Instant:
    """``seconds`` after a boot at Unix time 1,000,000, with what suspend and clock steps add."""
    return Instant(seconds, seconds + suspended, 1_000_000 + seconds + suspended + stepped)


def process(
    pid: int = 10,
    *,
    start: float = 1.0,
    cpu: float = 0.0,
    children_cpu: float = 0.0,
    swap: int | None = 0,
    resident: int | None = 0,
    major_faults: int = 0,
    user: float | None = None,
    timeslices: int | None = None,
    state: str = "S",
    parent: int = 1,
) -> Process:
    """A process that started ``start`` seconds after boot and used ``cpu`` seconds; sizes in bytes."""
    return Process(
        pid=pid,
        start_ticks=round(start * HZ),
        parent_pid=parent,
        comm="gunicorn",
        state=state,
        threads=1,
        kernel_thread=False,
        cpu_ticks=round(cpu * HZ),
        user_ticks=round((cpu if user is None else user) * HZ),
        children_cpu_ticks=round(children_cpu * HZ),
        major_faults=major_faults,
        clock=None if timeslices is None else CpuClock(round(cpu * 1e9), timeslices),
        voluntary_switches=timeslices,
        layout=(0x400000, pid, pid),
        argv=("gunicorn: worker [shop]",),
        swap=swap,
        resident=resident,
        resident_anonymous=resident,
        effective_uid=33,
        cgroups=("/system.slice/shop.service",),
    )


def entry(
    name: str = "shop", idle: Idle | None = None, swapped: Swapped | None = None, *, builtin: bool = False
) -> Entry:
    return Entry(
        name=Template.parse(name, frozenset({"app"})),
        idle=idle or Idle(),
        swapped=swapped or Swapped(),
        builtin=builtin,
    )


def host(
    *, available: int | None = 1 << 40, pswpin: int = 0, pswpout: int = 0, zswpin: int | None = None
) -> Host:
    """A host with so many bytes available and so many pages moved."""
    return Host(
        meminfo=Meminfo(64 << 30, available, 16 << 30, 5 << 30, 0, None, None),
        vmstat=Vmstat(pswpin, pswpout, zswpin, None, None, None, None),
        pressure=None,
        swap_devices=None,
    )


def sample(at: Instant | float, processes: Iterable[Process] = (), of: Host | None = None) -> Sample:
    return Sample(
        at=at if isinstance(at, Instant) else instant(at),
        processes={process.pid: process for process in processes},
        vanished=0,
        denied=0,
        host=of or host(),
        collectors=(),
        page_size=4096,
        clock_ticks=HZ,
    )


def member(of: Process, by: Entry | None = None, role: Role = Role.WORKER, group: str = "shop") -> Member:
    return Member(process=of, group=group, role=role, entry=by or entry(), joined=False, reason=Reason.TITLE)


def grouping(members: Iterable[Member]) -> Grouping:
    return Grouping(by_name(members), (), 0)
