"""The page at ``/`` for people: who lies in swap, in one table, with nothing to load from elsewhere."""

from html import escape

from swap_exporter import __version__
from swap_exporter.assessment import Assessment, GroupAssessment
from swap_exporter.grouping.roles import Role


def landing_page(assessment: Assessment, telemetry_path: str) -> str:
    """The page as HTML. Group names come from titles, which anybody on the host can choose: text only."""
    rows = "\n".join(_row(group) for group in assessment.groups)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>swap-exporter</title>
<h1>swap-exporter {escape(__version__)}</h1>
<p><a href="{escape(telemetry_path)}">Metrics</a></p>
<table>
<thead><tr><th>group<th>workers<th>idle and swapped<th>swap of workers</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</html>
"""


def _row(group: GroupAssessment) -> str:
    workers = group.roles[Role.WORKER]
    lying = "not known yet" if group.idle_swapped is None else str(group.idle_swapped.workers)
    swap = "not readable" if workers.swap is None else f"{workers.swap / 2**20:.1f} MiB"
    return f"<tr><td>{escape(group.name)}<td>{workers.processes}<td>{lying}<td>{swap}</tr>"
