"""``explain PID``: which entry claims a process, its group, role and verdict, and why."""

from collections.abc import Iterator

from swap_exporter.assessment import GroupAssessment, Residency, WorkerAssessment
from swap_exporter.cli import asking, wiring
from swap_exporter.cli.flags import Options
from swap_exporter.cli.output import standard_output
from swap_exporter.client.http import AskError
from swap_exporter.client.workers import Worker, Workers, parse_workers, workers_url
from swap_exporter.errors import FatalError
from swap_exporter.grouping import selectors
from swap_exporter.history.activity import Activity
from swap_exporter.readable import duration, size
from swap_exporter.sampling.sample import Instant, Process
from swap_exporter.settings import Configuration, Entry

LINE = 118
"""Maximum characters in a line about an entry that does not claim the process."""

REFUSED = "an entry of yours names that group, and the catalogue adds nothing to it"

_Found = tuple[GroupAssessment, WorkerAssessment]


def explain(options: Options) -> int:
    """Print everything on standard output. Raises :class:`FatalError` if there is no such process."""
    configuration = wiring.configuration(options)
    workers, source = _ask(options)
    pipeline = wiring.pipeline(options, configuration, wiring.restored_state(options))
    assessment = pipeline.latest()
    process = assessment.sample.processes.get(options.pid or 0)
    if process is None:
        raise FatalError(f"there is no process {options.pid} in {options.procfs}, or it cannot be read")
    found = _find(process, assessment.groups)
    refused = _refused_by_name(process, found, configuration)
    worker = workers.by_identity.get(process.identity) if workers else None
    lines = [
        f"process    {process.pid}, child of {process.parent_pid}, state {process.state}",
        f"comm       {_shown(process.comm)}",
        f"title      {_shown(process.title) if process.argv else 'none'}",
        *(_place(found) if found else _no_group(configuration, refused)),
        f"exporter   {source}{_difference(workers, worker, found, assessment.sample.at.wall)}",
        *_verdict(process, found, worker, assessment.sample.at),
    ]
    if options.all:
        lines.append("entries, in the order in which they are tried:")
        lines.extend(f"  {line}" for line in _entries(process, configuration, refused))
    with standard_output() as out:
        print(*lines, sep="\n", file=out)
    return 0


def _ask(options: Options) -> tuple[Workers | None, str]:
    """The workers of a running exporter, and its URL or the reason why it gave no answer."""
    url = workers_url(options.exporter or asking.LOCAL)
    try:
        return parse_workers(url, asking.fetch(options, url, "application/json")), url
    except AskError as error:
        state = " and the state file" if options.state_file else ""
        return None, f"{error}; this is from one sample{state}"


def _find(process: Process, groups: tuple[GroupAssessment, ...]) -> _Found | None:
    for group in groups:
        for verdict in group.verdicts:
            if verdict.member.process is process:
                return group, verdict
    return None


def _place(found: _Found) -> Iterator[str]:
    group, verdict = found
    member = verdict.member
    through = ", which its nearest grouped ancestor belongs to" if member.joined else ""
    yield f"group      {_shown(group.name)}{through}"
    yield f"entry      {_named(member.entry)}"
    yield f"role       {member.role}: {member.reason}"


def _no_group(configuration: Configuration, refused: Entry | None) -> Iterator[str]:
    if refused is not None:
        yield f"group      none: {_named(refused)} claims it, but {REFUSED}"
        return
    ancestors = ", and neither does one claim an ancestor" if configuration.children else ""
    yield f"group      none: no entry claims it{ancestors}"


def _refused_by_name(process: Process, found: _Found | None, configuration: Configuration) -> Entry | None:
    """The catalogue's entry that matches but may not claim it, because the user's entries name that group."""
    claiming = (entry for entry in configuration.entries if selectors.explain(entry, process) is None)
    first = next(claiming, None)
    placed = found is not None and not found[1].member.joined
    return first if first is not None and first.builtin and not placed else None


def _difference(workers: Workers | None, worker: Worker | None, found: _Found | None, now: float) -> str:
    """The age of the exporter's sample, and its group and role for the process if they differ."""
    if workers is None:
        return ""
    age = f", sample of {duration(max(0.0, now - workers.at))} ago"
    if worker is None:
        why = ": another configuration, or another /proc" if found else ""
        return f"{age}; it has the process in no group{why}"
    if found and (found[0].name, found[1].member.role) == (worker.group, worker.role):
        return age
    return f"{age}; it has the process as {worker.role} in {_shown(worker.group)}"


def _verdict(process: Process, found: _Found | None, worker: Worker | None, at: Instant) -> Iterator[str]:
    """From the exporter, else from one sample."""
    if worker is not None:
        entry = found[1].member.entry if found else None
        yield f"activity   {reported_activity(worker, entry, at.wall)}"
        residency = Residency.SWAPPED if worker.swapped else Residency.RESIDENT
        yield f"residency  {residency}: {_residency(process, worker.swap, worker.displaced, entry)}"
    elif found is not None:
        verdict = found[1]
        yield f"activity   {observed_activity(verdict, at)}"
        entry = verdict.member.entry
        yield f"residency  {verdict.residency}: {_residency(process, process.swap, verdict.displaced, entry)}"


def reported_activity(worker: Worker, entry: Entry | None, now: float) -> str:
    """The verdict of a running exporter. ``now``: Unix time."""
    after = _after(entry)
    match worker.activity:
        case Activity.BUSY:
            return f"busy: used {_work(entry)} within the last {after}"
        case Activity.IDLE:
            since = "" if worker.idle_since is None else f" for {duration(max(0.0, now - worker.idle_since))}"
            return f"idle{since}: {_at_rest(entry)}"
        case Activity.UNKNOWN:
            unclear = "" if _is_exact(entry) else f", or {_unclear(entry)}"
            return f"unknown: not watched for {after} yet{unclear}"


def observed_activity(verdict: WorkerAssessment, at: Instant) -> str:
    """The verdict from one sample, and from the state file if there is one. ``at``: time of the sample."""
    entry, state = verdict.member.entry, verdict.state
    match verdict.activity:
        case Activity.BUSY:
            return f"busy: used {_work(entry)} within the last {_after(entry)}"
        case Activity.IDLE:
            return f"idle: {_at_rest(entry)}"
        case Activity.UNKNOWN:
            if at.monotonic - state.since.monotonic < entry.idle.after:
                return f"unknown: takes {_after(entry)} of watching, as a running exporter does"
            return f"unknown: {_unclear(entry)}"


def _after(entry: Entry | None) -> str:
    return duration(entry.idle.after) if entry else "idle.after"


def _is_exact(entry: Entry | None) -> bool:
    return entry is not None and entry.idle.cpu_is_exact


def _bound(entry: Entry | None) -> str:
    return f"{entry.idle.cpu:.2%} of a core" if entry else "idle.cpu"


def _work(entry: Entry | None) -> str:
    """What counts as work: a share of CPU that the configuration sets, or more than the learned level."""
    if entry is not None and entry.idle.cpu_is_exact:
        return f"at least {_bound(entry)} over {duration(entry.idle.window)}, which the configuration sets,"
    return f"more CPU than its group uses at rest (learned, at most {_bound(entry)})"


def _at_rest(entry: Entry | None) -> str:
    checks = "" if _is_exact(entry) else "; a health check a minute does not count"
    work = _work(entry).removesuffix(",")
    return f"watched for at least {_after(entry)}, and never used {work} in it{checks}"


def _unclear(entry: Entry | None) -> str:
    return f"not yet seen at rest: what it used, less than {_bound(entry)}, may be rest or work"


def _residency(process: Process, swap: int | None, displaced: int | None, entry: Entry | None) -> str:
    if swap is None or displaced is None:
        return "its VmSwap cannot be read"
    anonymous = swap + (process.resident_anonymous or 0)
    text = (
        f"{size(displaced)} of {size(anonymous)} were pushed out since it was last active "
        f"(VmSwap {size(swap)}, cold {size(swap - displaced)})"
    )
    if entry is not None:
        text += f"; swapped from {size(entry.swapped.min_bytes)} and {entry.swapped.min_ratio:.0%} on"
    return text


def _entries(process: Process, configuration: Configuration, refused: Entry | None) -> Iterator[str]:
    """Why earlier entries do not claim the process, and which later ones would."""
    claimed = False
    for entry in configuration.entries:
        reason = selectors.explain(entry, process)
        if entry is refused:
            yield f"{_named(entry)}: would, but {REFUSED}"
            claimed = True
        elif reason is None:
            yield f"{_named(entry)}: {'would, but an earlier entry claims it' if claimed else 'claims it'}"
            claimed = True
        elif not claimed:
            yield _cut(f"{_named(entry)}: no, {reason}")


def _cut(line: str) -> str:
    """The catalogue's expressions are longer than a line; ``catalog`` prints them in full."""
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"


def _named(entry: Entry) -> str:
    return f"{entry.where} {entry.name.text}"


def _shown(text: str) -> str:
    """On one line, even if the process put control characters into it."""
    return text if text.isprintable() else repr(text)
