"""``/api/workers``: every grouped process with its verdict, as JSON. docs/api.md describes it.

Without titles and command names: a command line may contain a password.
"""

import json
from typing import Any

from swap_exporter.assessment import Assessment, WorkerAssessment
from swap_exporter.history.activity import Activity, idle_since

PATH = "/api/workers"
VERSION = 1


def workers_document(assessment: Assessment) -> bytes:
    """One JSON object in ASCII. Bytes and Unix time; ``null``: unknown or not applicable."""
    at, clock_ticks = assessment.sample.at, assessment.sample.clock_ticks
    # Whole seconds, as in the metrics: the difference of the two clocks varies between readings.
    booted = at.wall - at.boottime

    def row(group: str, verdict: WorkerAssessment) -> dict[str, Any]:
        process, state = verdict.member.process, verdict.state
        idle = verdict.activity is Activity.IDLE
        return {
            "pid": process.pid,
            "start_ticks": process.start_ticks,
            "start_time": round(booted + process.start_ticks / clock_ticks),
            "group": group,
            "role": verdict.member.role,
            "activity": verdict.activity,
            "residency": verdict.residency,
            "idle_since": round(booted + idle_since(state).boottime) if idle else None,
            "swap_bytes": process.swap,
            "displaced_bytes": verdict.displaced,
        }

    content = {
        "version": VERSION,
        "time": round(at.wall, 3),
        "clock_ticks_per_second": clock_ticks,
        "workers": [row(group.name, verdict) for group in assessment.groups for verdict in group.verdicts],
    }
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")
