"""``report``: one table in the terminal. The only command that draws; nothing else imports rich."""

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from swap_exporter.assessment import Assessment, assess
from swap_exporter.cli import asking, wiring
from swap_exporter.cli.flags import Options
from swap_exporter.cli.output import standard_output
from swap_exporter.client.http import AskError
from swap_exporter.details import on_demand
from swap_exporter.details.delays import DelayReader
from swap_exporter.errors import FatalError
from swap_exporter.grouping.grouper import Grouper
from swap_exporter.history.history import History
from swap_exporter.report.as_json import document
from swap_exporter.report.build import Reading, build
from swap_exporter.report.terminal import draw
from swap_exporter.report.told import Told, parse
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.sample import Identity
from swap_exporter.settings import Configuration

TABLE_ROWS = 10
"""Groups and commands in a table, if nothing else is asked for: it fits a screen. JSON has them all."""


def report(options: Options) -> int:
    """Print the report on standard output. Raises :class:`FatalError`."""
    configuration = wiring.configuration(options)
    reading = _read(options, configuration)
    top = options.top if options.top or options.json else TABLE_ROWS
    rows = build(reading, configuration.entries, top=top, processes=options.processes)
    with standard_output() as out:
        # A name may hold what this terminal's encoding has no character for.
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")
        if options.json:
            print(document(rows), file=out)
        else:
            draw(rows, Console(file=out, highlight=False, markup=False, emoji=False))
    return 0


def _read(options: Options, configuration: Configuration) -> Reading:
    sampler = _Sampler(options, configuration)
    delays = DelayReader(options.procfs) if "taskstats" in options.collectors else None
    told, problem = _ask(options)
    with _progress() as progress:
        first = sampler.take()
        swapin_before = on_demand.swapin_pages(delays, first.sample) if delays else {}
        _wait(options.interval, progress)
        second = sampler.take()
        swapin_after = on_demand.swapin_pages(delays, second.sample) if delays else {}
        proportional: Mapping[Identity, int] = {}
        if "proportional" in options.collectors:
            proportional = on_demand.proportional_swap(
                options.procfs,
                second.sample,
                configuration.proportional,
                lambda some, number: progress.track(some, number, description="dividing shared pages"),
            )
    return Reading(
        first=first,
        second=second,
        proportional=proportional,
        swapin_before=swapin_before,
        swapin_after=swapin_after,
        told=told,
        problem=problem,
    )


class _Sampler:
    """Takes samples one after the other, however close together."""

    def __init__(self, options: Options, configuration: Configuration) -> None:
        self._configuration = configuration
        self._scanner = wiring.scanner(options)
        self._grouper = Grouper(configuration, wiring.context(options))
        self._history = History(configuration)

    def take(self) -> Assessment:
        """Raises :class:`FatalError` where some processes are missing: nothing would add up."""
        sample = self._scanner.scan(now)
        if not sample.complete:
            problems = (run.problem for run in sample.collectors if run.problem is not None)
            raise FatalError(f"not every process could be read: {next(problems, 'no reason is known')}")
        return assess(self._history.observe(sample, self._grouper.assign(sample)), self._configuration)


def _ask(options: Options) -> tuple[Told | None, str | None]:
    """What the exporter exports, or why that is unavailable; neither where none listens."""
    url = options.exporter or asking.LOCAL
    try:
        return parse(url, asking.fetch(options, url)), None
    except AskError as error:
        if options.exporter:
            raise FatalError(f"--from: {error}") from error
        return None, None if error.absent else str(error)


@contextmanager
def _progress() -> Iterator[Progress]:
    """On standard error, and only where a person sees it; gone when it is over."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress


def _wait(seconds: float, progress: Progress) -> None:
    steps: Sequence[int] = range(max(1, round(seconds * 10)))
    for _ in progress.track(steps, description="taking two samples"):
        time.sleep(seconds / len(steps))
