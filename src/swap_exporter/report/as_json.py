"""The report as JSON. docs/report.md describes it; within a ``version`` fields are only added."""

import json
from typing import Any

from swap_exporter.report.rows import CommandRow, GroupRow, Others, ProcessRow, Report, Swap, SwapIn

VERSION = 1


def document(report: Report) -> str:
    """One JSON object in ASCII. Bytes, seconds and Unix time; ``null`` is unknown."""
    host, remainder = report.host, report.remainder
    content = {
        "version": VERSION,
        "time": report.at,
        "interval_seconds": report.seconds,
        "verdict": report.verdict,
        "exporter": report.exporter,
        "exporter_problem": report.exporter_problem,
        "host": {
            "swap_bytes": host.swap_total,
            "swap_used_bytes": host.swap_used,
            "swap_cached_bytes": host.swap_cached,
            "memory_bytes": host.memory_total,
            "memory_available_bytes": host.memory_available,
            "swapin_bytes_per_second": host.swapin,
            "swapout_bytes_per_second": host.swapout,
            "all_processes_visible": report.whole_host,
            "unreadable_processes": report.unreadable,
        },
        "groups": [_group(row) for row in report.groups],
        "other_groups": _others(report.other_groups),
        "commands": [_command(row) for row in report.commands],
        "other_commands": _others(report.other_commands),
        "no_process": None
        if remainder is None
        else {
            "sysv_shm_bytes": remainder.sysv_shm,
            "swap_cache_bytes": remainder.swap_cache,
            "shared_memory_bytes": remainder.shared_memory,
            "repeated_bytes": remainder.repeated,
        },
    }
    return json.dumps(content, indent=2, allow_nan=False)


def _group(row: GroupRow) -> dict[str, Any]:
    return {
        "group": row.name,
        "state": row.state,
        "remedy": row.remedy,
        "processes": row.processes,
        "workers": row.workers,
        "idle_workers": row.idle,
        "unknown_workers": row.unknown,
        "swapped_workers": row.swapped,
        "idle_swapped_workers": row.idle_swapped,
        **_memory(row.swap, row.resident),
        "displaced_bytes": row.displaced,
        "stranded_bytes": row.stranded,
        "longest_idle_seconds": row.idle_seconds,
        **_swapin(row.swapin),
        "wake_bytes": row.wake_bytes,
        "wake_seconds": row.wake_seconds,
        "members": [_process(member) for member in row.members],
    }


def _command(row: CommandRow) -> dict[str, Any]:
    return {
        "command": row.name,
        "processes": row.processes,
        **_memory(row.swap, row.resident),
        **_swapin(row.swapin),
        "members": [_process(member) for member in row.members],
    }


def _process(row: ProcessRow) -> dict[str, Any]:
    return {
        "pid": row.pid,
        "command": row.name,
        "role": row.role,
        **_memory(row.swap, row.resident),
        **_swapin(row.swapin),
    }


def _others(others: Others) -> dict[str, Any]:
    return {"count": others.rows, **_memory(others.swap, others.resident)}


def _memory(swap: Swap | None, resident: int | None) -> dict[str, Any]:
    return {
        "swap_bytes": swap.size if swap else None,
        "swap_is_proportional": swap.proportional if swap else None,
        "resident_bytes": resident,
    }


def _swapin(swapin: SwapIn) -> dict[str, Any]:
    return {
        "swapin_bytes_per_second": swapin.bytes_per_second,
        "major_faults_per_second": swapin.major_faults_per_second,
    }
