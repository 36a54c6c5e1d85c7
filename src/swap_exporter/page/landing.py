"""The page at ``/`` for people: the host in a sentence, what uses the swap, the groups. It loads and runs
nothing.

Group names come from process titles, which any user of the host can choose: they are text only, and
characters that are not printable are escaped.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from importlib import resources
from urllib.parse import quote

from swap_exporter import __version__
from swap_exporter.assessment import Assessment, GroupAssessment, IdleSwapped, Residency, Wake
from swap_exporter.history.activity import Activity
from swap_exporter.page.swap_bar import bar, holders
from swap_exporter.readable import printable, short_time, size
from swap_exporter.sampling.sample import Sample
from swap_exporter.summary.sentence import sentence
from swap_exporter.summary.state import State, group_state

_STYLE = resources.files("swap_exporter.page").joinpath("landing.css").read_text(encoding="utf-8")
_DOCS = "https://github.com/swap-exporter/swap-exporter/blob/main/docs"
_RUNBOOKS = {State.WAKING: "SwapWorkersWaking", State.STRANDED: "SwapWorkersStranded"}

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers of the page beside its type: they allow its own stylesheet and nothing else."""


def landing_page(assessment: Assessment, telemetry_path: str) -> str:
    """The page as HTML."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            "<title>swap-exporter</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            *_header(telemetry_path),
            "<main>",
            f'<p class="verdict {_worst(assessment)}">{escape(sentence(assessment))}</p>',
            *_holders(assessment),
            *_groups(assessment),
            "</main>",
            *_footer(assessment),
            "</body>",
            "</html>",
            "",
        )
    )


def _header(telemetry_path: str) -> Iterator[str]:
    # Relative, so that a reverse proxy can serve the page below another path.
    metrics = escape(quote(f".{telemetry_path}"))
    yield "<header><h1>swap-exporter</h1>"
    yield f'<nav><a href="{metrics}">Metrics</a> <a href="{_DOCS}/runbooks/README.md">Alerts</a>'
    yield f'<a href="{_DOCS}/runbooks/remedies.md">Remedies</a>'
    yield f'<a href="{_DOCS}/configuration.md">Configuration</a></nav></header>'


def _holders(assessment: Assessment) -> Iterator[str]:
    parts = holders(assessment)
    if parts:
        yield f"<section><h2>What uses the swap</h2>\n{bar(parts)}</section>"


def _groups(assessment: Assessment) -> Iterator[str]:
    groups = sorted(assessment.groups, key=_worst_first)
    living = [group for group in groups if _lives(group)]
    empty = [f"<bdi>{escape(printable(group.name))}</bdi>" for group in groups if not _lives(group)]
    yield "<section><h2>Groups</h2>"
    if living:
        yield "<table><thead>"
        yield '<tr><th scope="col" rowspan="2">Group</th><th scope="colgroup" colspan="3">Workers</th>'
        for heading in ("Swap", "Proportional swap", "Stranded", "Waking&nbsp;one, at&nbsp;most"):
            yield f'<th scope="col" rowspan="2">{heading}</th>'
        yield "</tr><tr>"
        yield from (f'<th scope="col">{activity}</th>' for activity in Activity)
        yield "</tr></thead><tbody>"
        for group in living:
            yield from _row(group, assessment.sample)
        yield "</tbody></table>"
        yield from _words()
    else:
        yield f'<p>No process is in a group. <a href="{_DOCS}/configuration.md">Configure one</a>.</p>'
    if empty:
        yield f'<p class="words">Without a process now: {", ".join(empty)}.</p>'
    yield "</section>"


def _row(group: GroupAssessment, sample: Sample) -> Iterator[str]:
    badge = _badge(group_state(group, sample))
    yield f'<tr><th scope="row"><bdi>{escape(printable(group.name, 256))}</bdi>{badge}</th>'
    for activity in Activity:
        swapped = group.workers[activity, Residency.SWAPPED]
        workers = swapped + group.workers[activity, Residency.RESIDENT]
        note = f" <small>{swapped} in swap</small>" if swapped else ""
        yield _cell(f"{activity} workers", f"{workers}{note}", dim=not workers)
    yield _bytes("swap", group.swap)
    yield _bytes("proportional", group.proportional_swap)
    if group.idle_swapped is None:
        yield _cell("stranded", "not yet", dim=True)
    else:
        yield _stranded(group.idle_swapped)
    yield _cell("waking one, at most", _wake(group.wake), dim=group.wake is None)
    yield "</tr>"


def _badge(state: State | None) -> str:
    if state is None:
        return ""
    if state not in _RUNBOOKS:
        return f' <span class="badge {state}">{state}</span>'
    return f' <a class="badge {state}" href="{_DOCS}/runbooks/{_RUNBOOKS[state]}.md">{state}</a>'


def _cell(label: str, html: str, *, dim: bool) -> str:
    return f'<td data-label="{label}"{" class=dim" if dim else ""}>{html}</td>'


def _bytes(label: str, number: int | None) -> str:
    return _cell(label, "&ndash;" if number is None else size(number) if number else "0", dim=not number)


def _stranded(idle_swapped: IdleSwapped) -> str:
    stranded = idle_swapped.stranded
    if stranded and idle_swapped.estimated:
        return _cell("stranded", f"<small>at most</small> {size(stranded)}", dim=False)
    return _bytes("stranded", stranded)


def _wake(wake: Wake | None) -> str:
    if wake is None:
        return "&ndash;"
    seconds = "" if wake.seconds is None else f" <small>{short_time(wake.seconds)}</small>"
    return f"{size(wake.bytes)}{seconds}"


def _words() -> Iterator[str]:
    yield '<dl class="words">'
    for word, meaning in (
        ("Unknown", "not watched for long enough to know whether it is busy or idle."),
        ("Swap", "the sum of VmSwap, which counts a shared page once in each process."),
        ("Proportional swap", "the same with each shared page divided among its processes."),
        ("Stranded", "swap of idle workers that memory has room for."),
        ("Waking one", "the most that such a worker reads back when it wakes, and how long that takes."),
        ("&ndash;", "not available, or no value."),
    ):
        yield f"<div><dt>{word}</dt> <dd>{meaning}</dd></div>"
    yield "</dl>"


def _footer(assessment: Assessment) -> Iterator[str]:
    at = datetime.fromtimestamp(assessment.sample.at.wall, UTC)
    yield f'<footer>Sample of <time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%Y-%m-%d %H:%M:%S} UTC</time>,'
    yield f"swap-exporter {escape(__version__)}</footer>"


def _lives(group: GroupAssessment) -> bool:
    return any(role.processes for role in group.roles.values())


def _worst(assessment: Assessment) -> str:
    states = {group_state(group, assessment.sample) for group in assessment.groups}
    return next((state for state in State if state in states), "")


def _worst_first(group: GroupAssessment) -> tuple[bool, int, int, str]:
    stranded = group.idle_swapped.stranded if group.idle_swapped is not None else None
    return (group.waking is None, -(stranded or 0), -(group.swap or 0), group.name)
