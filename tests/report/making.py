"""Reports of a made-up host, for tables of cases and golden drawings."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from swap_exporter.assessment import Residency, assess
from swap_exporter.details.details import Details
from swap_exporter.details.swap_pss_scheduler import Coverage
from swap_exporter.grouping.grouping import Grouping, Member, by_name
from swap_exporter.history.activity import Activity
from swap_exporter.history.history import History
from swap_exporter.kernel.meminfo import Meminfo
from swap_exporter.kernel.taskstats import TaskDelays
from swap_exporter.kernel.vmstat import Vmstat
from swap_exporter.report.build import ReportInput, build
from swap_exporter.report.exporter_metrics import ExporterGroup, ExporterMetrics
from swap_exporter.report.rows import Report
from swap_exporter.sampling.host import Host
from swap_exporter.sampling.sample import Identity, Process
from swap_exporter.settings import Configuration
from tests import making
from tests.making import MIB

SECONDS = 2.0
FIRST = 1000.0
URL = "http://127.0.0.1:10059/metrics"

KERNEL_THREAD = making.process(2)._replace(kernel_thread=True, comm="kthreadd")


def host(
    *,
    used: int = 0,
    total: int = 2048 * MIB,
    cached: int | None = 0,
    available: int | None = 8192 * MIB,
    swapin_pages: int = 0,
    zswapin_pages: int | None = None,
    sysv_shm: int | None = None,
) -> Host:
    return Host(
        meminfo=Meminfo(16384 * MIB, available, total, total - used, cached, None, None),
        vmstat=Vmstat(swapin_pages, 0, zswapin_pages, None, None, None, None),
        pressure=None,
        swap_devices=None,
        sysv_shm_swap=sysv_shm,
    )


def reading(
    members: Iterable[Member] = (),
    others: Iterable[Process] = (),
    of: Host | None = None,
    *,
    before: Mapping[int, Process | None] | None = None,
    proportional: Mapping[Identity, int] | None = None,
    swapin: Mapping[int, int] | None = None,
    exported: Mapping[str, ExporterGroup] | None = None,
) -> ReportInput:
    """By pid: what differs ``before``, at the first sample, ``None`` for a process that is not in it; and the
    pages read back between the samples (``swapin``), of those that are measured."""
    members = list(members)
    processes = [KERNEL_THREAD, *(member.process for member in members), *others]
    of = of or host()
    configuration = Configuration(rate_window=SECONDS)
    history = History(configuration)
    assessments = []
    for at in (FIRST, FIRST + SECONDS):
        first = at == FIRST
        seen = {process.pid: process for process in processes}
        if first:
            seen |= before or {}
        seen = {pid: process for pid, process in seen.items() if process is not None}
        quiet = replace(of, vmstat=Vmstat(0, 0, 0, 0, None, None, None))
        taken = making.sample(at, seen.values(), quiet if first and of.vmstat else of)
        placed = tuple(
            member._replace(process=seen[member.process.pid])
            for member in members
            if member.process.pid in seen
        )
        details = Details(
            proportional_swap=proportional or {},
            coverage=Coverage(read=0, kept=0, waiting=0, too_large=0, denied=0),
            delays=None
            if swapin is None
            else {
                process.identity: TaskDelays(0 if first else swapin[process.pid], 0, 0, measured=True)
                for process in processes
                if process.pid in swapin
            },
        )
        grouping = Grouping(by_name(placed), tuple(others), 0)
        assessments.append(assess(history.observe(taken, grouping, details), configuration))
    return ReportInput(
        *assessments, metrics=None if exported is None else ExporterMetrics(URL, dict(exported))
    )


def report(of: ReportInput, top: int | None = None, *, processes: bool = False) -> Report:
    return build(of, (), top=top, processes=processes)


def exported_group(
    idle: int = 0,
    busy: int = 0,
    *,
    swapped: bool = True,
    unknown: int = 0,
    stranded: int | None = None,
    longest_idle_since: float | None = None,
    **rest: float,
) -> ExporterGroup:
    """What an exporter says of a group: its idle workers are swapped, its busy ones resident. ``rest``:
    metrics by their names without ``swap_group_``."""
    values = {"longest_idle_since_timestamp_seconds": longest_idle_since, "stranded_bytes": stranded, **rest}
    if swapped and stranded is not None:
        values["idle_swapped_workers"] = idle
    return ExporterGroup(
        workers={
            (Activity.IDLE, Residency.SWAPPED if swapped else Residency.RESIDENT): idle,
            (Activity.BUSY, Residency.RESIDENT): busy,
            (Activity.UNKNOWN, Residency.RESIDENT): unknown,
        },
        values={name: value for name, value in values.items() if value is not None},
    )
