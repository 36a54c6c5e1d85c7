"""What the exporter reported in a recording, against the truth."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.history.replay import replay
from tests.zoo.recording import Recording, load
from tests.zoo.truth import Duty, Truth, phases, spans, wake_all_seconds, wake_seconds

COLUMNS = (
    ("night", 1, "first night"),
    ("rest", 1, "second night"),
    ("load_while_out", 1, "load while pushed out"),
    ("rare", 1, "rare requests"),
    ("health", 1, "third night, health checks"),
    ("thrash", 1, "thrashing, no request"),
    ("thrash_and_serve", 1, "thrashing, load"),
    ("rest", 2, "fourth night"),
)
"""Phase of the story, which of that name, and what the table calls it."""
NIGHTS = (
    ("night", 1, "first night"),
    ("load_while_out", 1, "first day"),
    ("rest", 1, "second night"),
    ("load_while_out", 2, "second day"),
    ("rest", 2, "third night"),
    ("load_while_out", 3, "third day"),
)
"""The same of the story of nights.py."""
MIB = 1 << 20
FACTOR = 2.0
"""Within which a wake's time must be."""


@dataclass(frozen=True)
class Judged:
    """One scrape of one group."""

    counted: int
    must: int
    """Workers that must be counted."""
    may: int
    """Workers that must or may be counted."""

    @property
    def wrong(self) -> bool:
        return not self.must <= self.counted <= self.may


@dataclass(frozen=True)
class Cell:
    """One group in one phase: its scrapes in order."""

    scrapes: Sequence[Judged]

    @property
    def wrong(self) -> int:
        return sum(scrape.wrong for scrape in self.scrapes)

    def __str__(self) -> str:
        if not self.scrapes:
            return "-"
        last = self.scrapes[-1]
        truth = f"{last.must}" if last.must == last.may else f"{last.must}-{last.may}"
        note = f" ({self.wrong} of {len(self.scrapes)} scrapes wrong)" if self.wrong else ""
        return f"{last.counted}/{truth}{note}"


@dataclass(frozen=True)
class Wake:
    """Seconds that waking took and that the exporter said; ``None`` where there is no such figure."""

    truth: float | None
    said: float | None

    @property
    def ratio(self) -> float | None:
        return self.said / self.truth if self.truth and self.truth > 0 and self.said is not None else None

    def __str__(self) -> str:
        truth, said = (
            "-" if seconds is None else f"{seconds * 1000:.0f}" for seconds in (self.truth, self.said)
        )
        return f"{said}/{truth}" + (f" (x {_ratio(self.ratio)})" if self.ratio is not None else "")


@dataclass(frozen=True)
class Row:
    """Families whose workers are in the same group."""

    families: Sequence[str]
    workers: int
    cells: Mapping[str, Cell]
    wake_one: Wake
    wake_all: Wake
    small: str
    """What is displaced of workers that lack too little to be counted, and what waking one costs."""

    @property
    def wrong(self) -> int:
        return sum(cell.wrong for cell in self.cells.values())


def judge(recording: Recording, truth: Truth | None = None) -> list[Row]:
    """All groups of a recording that an exporter ran beside, in the order of their families' names.

    Without an answer there is no truth: see :func:`silent`.
    """
    known = truth or Truth(recording)
    by_group: dict[str, list[str]] = {}
    for family, group in recording.about["families"].items():
        by_group.setdefault(group, []).append(family)
    for family in silent(recording):
        by_group.pop(recording.about["families"][family], None)
    return [_row(recording, known, group, families) for group, families in by_group.items()]


def silent(recording: Recording) -> list[str]:
    """Families of which no server answered a request: they are not judged."""
    answered = {answer.family for answer in recording.answers}
    return [family for family in recording.about["families"] if family not in answered]


def replayed(recording: Recording) -> Recording:
    """The recording with the verdicts of this tree in place of those of the exporter that ran beside."""
    groups = recording.about["families"]
    counts: dict[float, Counter[str]] = {}
    for seen in replay(recording):
        counts.setdefault(seen.at, Counter())[groups[seen.worker.family]] += seen.counted
    reported = {name for _, values in recording.scrapes for name in values}
    named = {
        group: next((name for name in sorted(reported) if re.fullmatch(group, name)), group)
        for group in groups.values()
    }
    scrapes = []
    for at, counted in counts.items():
        # What waking costs is what the exporter reported last.
        last = next((values for time, values in reversed(recording.scrapes) if time <= at), {})
        scrapes.append(
            (
                at,
                {
                    named[group]: {**last.get(named[group], {}), "idle_swapped_workers": float(count)}
                    for group, count in counted.items()
                },
            )
        )
    return replace(recording, scrapes=scrapes)


def _row(recording: Recording, truth: Truth, group: str, families: Sequence[str]) -> Row:
    cells = {
        title: Cell(list(_judged(recording, truth, group, families, span)))
        for title, span in _columns(recording)
    }
    first = next((span[1] for _, span in _columns(recording)), recording.samples[-1].monotonic)
    one, every = families[0], families[0]
    return Row(
        families=families,
        workers=sum(len(truth.workers(family, first)) for family in families),
        cells=cells,
        wake_one=Wake(wake_seconds(recording, one), _said(recording, group, "wake_seconds", "wake one", one)),
        wake_all=Wake(
            wake_all_seconds(recording, every),
            _said(recording, group, "wake_all_seconds", "wake all", every),
        ),
        small=_small(recording, truth, families[0]),
    )


def _columns(recording: Recording) -> Iterator[tuple[str, tuple[float, float]]]:
    seen: dict[str, int] = {}
    columns = NIGHTS if recording.about.get("story") == "nights" else COLUMNS
    titles = {(name, number): title for name, number, title in columns}
    for name, begin, end in phases(recording):
        seen[name] = seen.get(name, 0) + 1
        if (name, seen[name]) in titles:
            yield titles[name, seen[name]], (begin, end)


def _judged(
    recording: Recording, truth: Truth, group: str, families: Iterable[str], span: tuple[float, float]
) -> Iterator[Judged]:
    for at, groups in recording.scrapes:
        if not span[0] <= at < span[1]:
            continue
        counted = sum(
            values.get("idle_swapped_workers", 0)
            for name, values in groups.items()
            if re.fullmatch(group, name)
        )
        duties = [truth.duty(worker, at) for family in families for worker in truth.workers(family, at)]
        must = duties.count(Duty.COUNT)
        yield Judged(int(counted), must, must + duties.count(Duty.OPEN))


def _said(recording: Recording, group: str, metric: str, what: str, family: str) -> float | None:
    """The last value of a metric before that happened to the family for the first time."""
    begins = [begin for begin, _ in spans(recording, what, family)]
    if not begins:
        return None
    said = [
        values[metric]
        for at, groups in recording.scrapes
        if at < begins[0]
        for name, values in groups.items()
        if re.fullmatch(group, name) and metric in values
    ]
    return said[-1] if said else None


def _small(recording: Recording, truth: Truth, family: str) -> str:
    begins = [begin for begin, _ in spans(recording, "wake one", family)]
    if not begins:
        return "-"
    lacking = [truth.displaced(worker, begins[0]) for worker in truth.workers(family, begins[0])]
    cost = wake_seconds(recording, family)
    if not lacking or max(lacking) >= truth.thresholds.min_bytes or cost is None:
        return "-"
    return f"{max(lacking) / MIB:.1f} MiB, {cost * 1000:.0f} ms"


def table(recording: Recording, rows: Sequence[Row]) -> str:
    """Markdown."""
    titles = [title for title, _ in _columns(recording)]
    head = ["servers", "workers", *titles, "wake one, ms", "wake all, ms", "under min_bytes"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for row in rows:
        cells = [str(row.cells[title]) for title in titles]
        lines.append(
            "| "
            + " | ".join(
                [
                    ", ".join(row.families),
                    str(row.workers),
                    *cells,
                    str(row.wake_one),
                    str(row.wake_all),
                    row.small,
                ]
            )
            + " |"
        )
    return "\n".join(lines)


def document(
    recording: Recording,
    nights: Recording | None = None,
    unseen: Recording | None = None,
    *,
    replayed_verdicts: bool = False,
) -> str:
    """The page. ``nights``: a recording of nights.py. ``unseen``: a later recording. ``replayed_verdicts``:
    judge the rules of this tree on the recorded samples."""
    if nights is not None or unseen is not None:
        page = document(recording, replayed_verdicts=replayed_verdicts)
        if unseen is not None:
            page += _unseen_document(unseen)
        if nights is not None:
            page += NIGHTS_DOCUMENT.format(table=table(nights, judge(nights)))
        return page
    if replayed_verdicts:
        recording = replayed(recording)
    rows = judge(recording)
    return DOCUMENT.format(
        source=REPLAYED if replayed_verdicts else "",
        **_figures(recording, rows),
        kernel=recording.about.get("kernel", "?"),
        wake_all=_summary(row.wake_all for row in rows),
    )


def _unseen_document(recording: Recording) -> str:
    rows = judge(replayed(recording))
    return UNSEEN_DOCUMENT.format(
        **_figures(recording, judge(recording)),
        wrong_now=sum(row.wrong for row in rows),
        complaints="\n".join(f"- {line}" for line in _wrong_cells(rows)),
    )


def _figures(recording: Recording, rows: Sequence[Row]) -> dict[str, object]:
    return {
        "families": sum(len(row.families) for row in rows),
        "workers": sum(row.workers for row in rows),
        "silent": _not_judged(silent(recording)),
        "scrapes": f"{sum(len(cell.scrapes) for row in rows for cell in row.cells.values()):,}",
        "wrong": sum(row.wrong for row in rows),
        "table": table(recording, rows),
        "wake_one": _summary(row.wake_one for row in rows),
    }


def _not_judged(families: Sequence[str]) -> str:
    if not families:
        return ""
    return f"\nNot judged, because none of their servers answered a request: {', '.join(families)}.\n"


def _summary(wakes: Iterable[Wake]) -> str:
    ratios = sorted(ratio for wake in wakes if (ratio := wake.ratio) is not None)
    if not ratios:
        return "reported for no server"
    least, middle, most = map(_ratio, (ratios[0], median(ratios), ratios[-1]))
    return f"{middle} of the truth ({least} to {most}, {len(ratios)} servers)"


def _ratio(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:.0f}"


DOCUMENT = """\
# Accuracy

`make test-zoo` writes this page. It runs {families} families of real servers ({workers} workers, Linux
{kernel}) with the exporter beside them, in its default settings. Their memory cgroups push them out, they
serve, and every scrape is compared with the truth: when each worker answered a request, and what it lacks
since.

A worker must be counted from the second tick after `idle.after` has passed since its last request, if it
lacks at least `min_bytes` and `min_ratio`. It must not be counted from two ticks after a load began until
`idle.after` after its end. Between the two, and near a threshold, either is right.

{source}**{wrong} of {scrapes} verdicts on a group were wrong.**
{silent}
Cells are *counted/truth* at the end of the phase.

{table}

- "Wake one" is `swap_group_wake_seconds` against the first request of one worker that wakes alone, less a
  warm request. Median: {wake_one}.
- "Wake all" is `swap_group_wake_all_seconds` against as many first requests at once as there are workers,
  from the first request to the last answer. Median: {wake_all}.
- The last column is for workers that lack less than `min_bytes`: they are not counted, by design. It says
  what they lack, and what waking one costs.
"""


REPLAYED = """\
The verdicts are those of the present rules, replayed on the recorded samples; some rules were fitted to
these. The command that writes the page from them is at its end.
What waking costs is what the exporter reported beside the servers. It ran with earlier rules, of whose 2,860
verdicts 61 were wrong: without `--replay` the same command shows them.

"""


UNSEEN_DOCUMENT = """
## A run that the rules had not seen

The rules were fitted to the recording above. Later {families} families with {workers} workers ran for an hour
on two CPUs, with the rules as they were then: **{wrong} of {scrapes} verdicts were wrong**, nearly all while
servers thrashed and served. "Wake one" was {wake_one}. Waking all at once was not reached.
{silent}
{table}

Two rules were changed after that, for time slices and for event loops of a thrashing group. Replayed on these
samples, {wrong_now} verdicts of the rules of this tree are wrong:

{complaints}

The workers of uvicorn and hypercorn hide their work where it is nearly all paging. rq's own housekeeping,
every seven minutes, counts as work; the truth knows requests only. The heartbeat of a puma worker took twice
its usual time beside a health check: together they counted as two small requests.

`python -m tests.zoo.accuracy tests/zoo/recordings/nights.jsonl.gz --replay --unseen
tests/zoo/recordings/crowd.jsonl.gz --out docs/accuracy.md` writes this page again.
"""


NIGHTS_DOCUMENT = """
## Pressure on the whole machine

`python -m tests.zoo.nights` runs twelve gunicorn workers of 160 MiB. Each night a batch job takes the
machine's memory, in the morning every worker gets a request at the same time, and by day each serves one
request of 2 ms a second.

{table}
"""


def _wrong_cells(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        for title, cell in row.cells.items():
            if cell.wrong:
                yield f"{', '.join(row.families)}: {title}: {cell}"


def complaints(rows: Iterable[Row]) -> Iterator[str]:
    """One line for everything that is wrong."""
    rows = list(rows)
    yield from _wrong_cells(rows)
    for name, wakes in (
        ("swap_group_wake_seconds", [row.wake_one for row in rows]),
        ("swap_group_wake_all_seconds", [row.wake_all for row in rows]),
    ):
        ratios = [ratio for wake in wakes if (ratio := wake.ratio) is not None]
        if not ratios or not 1 / FACTOR <= median(ratios) <= FACTOR:
            yield f"{name}: {_summary(wakes)}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.zoo.accuracy", description=__doc__)
    parser.add_argument("recording", type=Path, help="of record.py")
    parser.add_argument("--nights", type=Path, help="a recording of nights.py")
    parser.add_argument("--unseen", type=Path, help="a later recording, for a section of its own")
    parser.add_argument("--replay", action="store_true", help="judge the rules of this tree on its samples")
    parser.add_argument("--out", type=Path, help="where to write the page")
    chosen = parser.parse_args()
    recording = load(chosen.recording)
    nights = load(chosen.nights) if chosen.nights else None
    unseen = load(chosen.unseen) if chosen.unseen else None
    text = document(recording, nights, unseen, replayed_verdicts=chosen.replay)
    if chosen.out:
        chosen.out.write_text(text)
    else:
        print(text)
    rows = judge(replayed(recording) if chosen.replay else recording) + (judge(nights) if nights else [])
    wrong = list(complaints(rows))
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
