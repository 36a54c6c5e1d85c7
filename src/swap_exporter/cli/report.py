"""``report``: one table in the terminal. The only command that draws; nothing else imports rich."""

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from swap_exporter.assessment import Assessment
from swap_exporter.cli import asking, wiring
from swap_exporter.cli.flags import Options
from swap_exporter.cli.output import standard_output
from swap_exporter.client.http import AskError
from swap_exporter.details.on_demand import OnDemandReader
from swap_exporter.errors import FatalError
from swap_exporter.report.as_json import document
from swap_exporter.report.build import ReportInput, build
from swap_exporter.report.exporter_metrics import ExporterMetrics, parse
from swap_exporter.report.terminal import draw
from swap_exporter.sampling.clock import now
from swap_exporter.settings import Configuration

TABLE_ROWS = 10
"""Default number of groups and of commands in the table, so that it fits a screen. JSON has them all."""

LONGEST_SAMPLE = 3600.0
"""Seconds that a sample may take on a host that thrashes."""


def report(options: Options) -> int:
    """Print the report on standard output. Raises :class:`FatalError`."""
    configuration = wiring.configuration(options)
    top = options.top if options.top or options.json else TABLE_ROWS
    rows = build(_read(options, configuration), configuration.entries, top=top, processes=options.processes)
    with standard_output() as out:
        # A name can have characters that the terminal's encoding lacks.
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")
        if options.json:
            print(document(rows), file=out)
        else:
            draw(rows, Console(file=out, highlight=False, markup=False, emoji=False))
    return 0


def _read(options: Options, configuration: Configuration) -> ReportInput:
    # Rates are between the two samples, which can be far apart on a host that thrashes.
    configuration = replace(
        configuration, rate_window=options.interval, min_sample_interval=0.0, tick=LONGEST_SAMPLE
    )
    metrics, problem = _ask(options)
    with _progress() as progress:
        details_reader = OnDemandReader(
            options.procfs,
            options.cgroupfs,
            configuration.proportional,
            now,
            options.collectors,
            lambda processes, number: progress.track(processes, number, description="dividing shared pages"),
        )
        pipeline = wiring.pipeline(options, configuration, details_reader=details_reader)
        first = _complete(pipeline.latest())
        _wait(options.interval, progress)
        second = _complete(pipeline.latest())
    return ReportInput(first=first, second=second, metrics=metrics, problem=problem)


def _complete(assessment: Assessment) -> Assessment:
    """Raises :class:`FatalError` if processes are missing, because the sums would be wrong."""
    if not assessment.sample.complete:
        problems = (run.problem for run in assessment.sample.collectors if run.problem is not None)
        raise FatalError(f"not every process could be read: {next(problems, 'reason unknown')}")
    return assessment


def _ask(options: Options) -> tuple[ExporterMetrics | None, str | None]:
    """The exporter's metrics, or why they are unavailable; neither if no exporter listens."""
    url = options.exporter or asking.LOCAL
    try:
        return parse(url, asking.fetch(options, url)), None
    except AskError as error:
        if options.exporter:
            raise FatalError(f"--from: {error}") from error
        return None, None if error.absent else str(error)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on standard error if that is a terminal; removed at the end."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def _wait(seconds: float, progress: Progress) -> None:
    steps: Sequence[int] = range(max(1, round(seconds * 10)))
    for _ in progress.track(steps, description="taking two samples"):
        time.sleep(seconds / len(steps))
