"""What the host and the exporter's privileges give, whatever is grouped."""

from collections.abc import Mapping

from swap_exporter.details.details import Details
from swap_exporter.sampling.sample import CollectorRun, Process, Sample

COLLECTORS = {
    "proportional_swap": "proportional",
    "delay_accounting": "taskstats",
    "cgroup_v2": "cgroup",
    "pressure": "pressure",
}
"""The collector that reads each."""

_SETTLED = 10.0
"""Seconds after which a process has most likely done its last exec, in which its layout is hidden."""


def capabilities(sample: Sample, details: Details) -> Mapping[str, str | None]:
    """By capability: why it is missing and what would help, in one line; ``None`` where it is there."""
    runs = {run.name: run for run in (*sample.collectors, *details.collectors)}
    missing = {
        "proportional_swap": details.coverage is None,
        "delay_accounting": details.delays is None,
        "cgroup_v2": details.cgroups is None,
        "pressure": sample.host.pressure is None,
    }
    reasons = {
        name: _why(collector, runs.get(collector)) if missing[name] else None
        for name, collector in COLLECTORS.items()
    }
    if details.coverage is not None:
        reasons["proportional_swap"] = _what_hides_swap_pss(sample)
    if details.cgroups is not None:
        reasons["cgroup_v2"] = details.cgroups.v2_problem
    return reasons


def _why(collector: str, run: CollectorRun | None) -> str:
    if run is None:
        return f"turned off by --no-collector.{collector}"
    return run.problem or "not available"


def _what_hides_swap_pss(sample: Sample) -> str | None:
    """The kernel shows the layout of an address space to those who may read its SwapPss, also while nothing
    is in swap. A security module may hide single processes from any privilege."""
    before = (sample.at.boottime - _SETTLED) * sample.clock_ticks
    hidden = False
    for process in sample.processes.values():
        if _is_of_another_user(process, sample.exporter_uid) and process.start_ticks < before:
            if process.layout is not None:
                return None
            hidden = True
    if 1 not in sample.processes:
        return "other users' processes are hidden (hidepid, ProtectProc): it takes CAP_SYS_PTRACE"
    return "SwapPss of other users' processes cannot be read: it takes CAP_SYS_PTRACE" if hidden else None


def _is_of_another_user(process: Process, uid: int) -> bool:
    # The kernel hides the layout of a process without memory, or whose main thread has ended, from every
    # reader.
    return process.effective_uid not in (uid, None) and bool(process.resident) and process.state not in "ZX"
