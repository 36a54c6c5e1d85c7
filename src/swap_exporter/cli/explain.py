"""``explain PID``: which entry claims a process, its group, role and verdict, and why."""

from collections.abc import Iterator

from swap_exporter.assessment import GroupAssessment, Verdict
from swap_exporter.cli import wiring
from swap_exporter.cli.flags import Options
from swap_exporter.cli.output import standard_output
from swap_exporter.errors import FatalError
from swap_exporter.grouping import selectors
from swap_exporter.grouping.entry import Entry
from swap_exporter.history.watch import Activity
from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Configuration

LINE = 118
"""Characters of a line that tells why an entry does not claim a process."""


def explain(options: Options) -> int:
    """Print it all on standard output. Raises :class:`FatalError` where there is no such process."""
    configuration = wiring.configuration(options)
    pipeline = wiring.pipeline(options, configuration, wiring.memory(options))
    assessment = pipeline.latest()
    process = assessment.sample.processes.get(options.pid or 0)
    if process is None:
        raise FatalError(f"there is no process {options.pid} in {options.procfs}, or it cannot be read")
    found = _find(process, assessment.groups)
    lines = [
        f"process    {process.pid}, child of {process.parent_pid}, state {process.state}",
        f"comm       {_shown(process.comm)}",
        f"title      {_shown(process.title) if process.argv else 'none'}",
        *(_place(found) if found else _nowhere(configuration)),
        "entries, in the order in which they are tried:",
        *(f"  {line}" for line in _entries(process, configuration)),
    ]
    with standard_output() as out:
        print(*lines, sep="\n", file=out)
    return 0


def _find(process: Process, groups: tuple[GroupAssessment, ...]) -> tuple[GroupAssessment, Verdict] | None:
    for group in groups:
        for verdict in group.verdicts:
            if verdict.member.process is process:
                return group, verdict
    return None


def _place(found: tuple[GroupAssessment, Verdict]) -> Iterator[str]:
    group, verdict = found
    member = verdict.member
    through = ", which its nearest grouped ancestor belongs to" if member.joined else ""
    yield f"group      {_shown(group.name)}{through}"
    yield f"entry      {_named(member.entry)}"
    yield f"role       {member.role}: {member.reason}"
    yield f"activity   {_activity(verdict)}"
    yield f"residency  {verdict.residency}: {_residency(verdict)}"


def _nowhere(configuration: Configuration) -> Iterator[str]:
    ancestors = ", and neither does one claim an ancestor" if configuration.children else ""
    yield f"group      none: no entry claims it{ancestors}"


def _activity(verdict: Verdict) -> str:
    idle = verdict.member.entry.idle
    bound = f"{idle.cpu:.2%} of a core over {idle.window:.0f} s"
    match verdict.activity:
        case Activity.BUSY:
            return f"busy: used at least {bound} within the last {idle.after:.0f} s"
        case Activity.IDLE:
            return f"idle: watched for at least {idle.after:.0f} s, and never used {bound}"
        case Activity.UNKNOWN:
            return (
                f"unknown: takes {idle.after:.0f} s of watching; with --state.file it is what a running "
                "exporter has seen"
            )


def _residency(verdict: Verdict) -> str:
    process, swapped = verdict.member.process, verdict.member.entry.swapped
    if process.swap is None or verdict.displaced is None:
        return "its VmSwap cannot be read"
    held = process.swap + (process.resident_anonymous or 0)
    return (
        f"{_size(verdict.displaced)} of {_size(held)} were pushed out since it was last active "
        f"(VmSwap {_size(process.swap)}, of it cold {_size(verdict.watch.cold)}); "
        f"swapped from {_size(swapped.min_bytes)} and {swapped.min_ratio:.0%} on"
    )


def _entries(process: Process, configuration: Configuration) -> Iterator[str]:
    """Why those before the one that claims it do not, and which later ones would have."""
    claimed = False
    for entry in configuration.entries:
        reason = selectors.explain(entry, process)
        if reason is None:
            yield f"{_named(entry)}: {'would, but an earlier entry claims it' if claimed else 'claims it'}"
            claimed = True
        elif not claimed:
            yield _cut(f"{_named(entry)}: no, {reason}")


def _cut(line: str) -> str:
    """The catalogue's expressions are longer than a line, and `catalog` prints them whole."""
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"


def _named(entry: Entry) -> str:
    return f"{entry.where} {entry.name.text}"


def _shown(text: str) -> str:
    """On one line, whatever the process put into it."""
    return text if text.isprintable() else repr(text)


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
