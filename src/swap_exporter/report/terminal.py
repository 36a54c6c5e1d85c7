"""The report as a table in a terminal. Any process can choose its name, so names are never markup."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from swap_exporter.readable import duration, plural, printable, short_time, size
from swap_exporter.report.notes import FAULTS, UNKNOWN, VMSWAP, notes
from swap_exporter.report.rows import (
    CommandRow,
    GroupRow,
    Others,
    ProcessRow,
    Remainder,
    Report,
    Swap,
    SwapIn,
)
from swap_exporter.summary.remedies import PAGE
from swap_exporter.summary.state import State

COLOURS = {State.WAKING: "bold red", State.STRANDED: "bold yellow", State.SWAPPED: "bold"}


def draw(report: Report, console: Console) -> None:
    """Print the verdict, the table, the remedies and the notes."""
    worst = min((group.state for group in report.groups if group.state), key=list(State).index, default=None)
    console.print(Text(report.verdict, style=COLOURS[worst] if worst else "bold"), end="\n\n")
    if report.host.swap_used != 0:
        console.print(_table(report, console.width))
        console.print()
    for names, remedy in _remedies(report.groups):
        console.print(Text.assemble((names, "bold"), f": {remedy}"))
    if any(group.remedy for group in report.groups):
        console.print(Text(f"More: {PAGE}"), end="\n\n")
    for note in notes(report):
        console.print(Text(note, style="dim"))


def _remedies(groups: Iterable[GroupRow]) -> Iterable[tuple[str, str]]:
    """Each remedy once, with the names and the state of its groups."""
    by_remedy: dict[tuple[State, str], list[str]] = {}
    for group in groups:
        if group.state and group.remedy:
            by_remedy.setdefault((group.state, group.remedy), []).append(printable(group.name))
    return [(f"{', '.join(names)} ({state})", remedy) for (state, remedy), names in by_remedy.items()]


COLUMNS = {
    "workers": "swapped\nof workers",
    "swap": "\n   swap",
    "resident": "\nresident",
    "idle": "longest\nidle",
    "swapin": "swap-in\nnow",
    "wake": "waking one\nat most",
}
"""Headings by the keyword of :meth:`_Drawing._row`."""

NARROW = ("resident", "idle", "wake", "swapin")
"""Columns that a narrow terminal leaves out, in this order."""

NAME_WIDTH = 16
"""Minimum width of the column of names; longer names are folded."""


def _table(report: Report, width: int) -> Table:
    """The table with as many columns as fit."""
    for number in range(len(NARROW) + 1):
        drawing = _Drawing(report, NARROW[:number])
        if drawing.width <= width:
            break
    return drawing.table


class _Drawing:
    """The table while it is built. It has no column without a known value."""

    def __init__(self, report: Report, without: Sequence[str]) -> None:
        self._idle_known = any(group.idle is not None for group in report.groups)
        unknown = set(without)
        if not any(group.idle_seconds is not None for group in report.groups):
            unknown.add("idle")
        if not any(group.wake_bytes is not None for group in report.groups):
            unknown.add("wake")
        self._columns = [column for column in COLUMNS if column not in unknown]
        self.table = Table(box=SIMPLE, padding=0, show_edge=False, pad_edge=False, show_footer=True)
        self._add_columns(report.host.swap_used)
        self._groups(report.groups, report.other_groups)
        self._commands(report.commands, report.other_commands)
        if report.remainder is not None:
            self._remainder(report.remainder)

    @property
    def width(self) -> int:
        """The width of the table. Only names are folded."""
        columns = self.table.columns[1:]
        cells = ((column.header, column.footer, *column.cells) for column in columns)
        return NAME_WIDTH + sum(1 + max(_cell_width(cell) for cell in column) for column in cells)

    def _add_columns(self, used: int | None) -> None:
        footer = "" if used is None else "all used swap"
        self.table.add_column("\ngroup", footer=footer, overflow="fold", ratio=1)
        for column in self._columns:
            title = ("idle/" if column == "workers" and self._idle_known else "") + COLUMNS[column]
            footer = _size(used) if column == "swap" else ""
            self.table.add_column(title, footer=footer, justify="right", no_wrap=True)

    def _row(self, name: Text, *, style: str = "", **cells: str) -> None:
        self.table.add_row(name, *(Text(cells.get(column, "")) for column in self._columns), style=style)

    def _heading(self, text: str) -> None:
        self._row(Text(text, style="italic"))

    def _groups(self, groups: Sequence[GroupRow], others: Others) -> None:
        for group in groups:
            if not _shown(group.swap) and group.state is None:
                continue
            self._row(
                Text(printable(group.name)),
                **_measured(group),
                workers=self._workers(group),
                idle="" if group.idle_seconds is None else duration(group.idle_seconds),
                wake=_wake(group),
                style=COLOURS[group.state] if group.state else "",
            )
            self._members(group.members)
        self._others(others, "group")

    def _workers(self, group: GroupRow) -> str:
        idle = "?" if group.idle is None else f"{group.idle}{_unknown(group)}"
        swapped = f"{idle}/{group.swapped}" if self._idle_known else str(group.swapped)
        return f"{swapped} of {group.workers}" if group.workers else ""

    def _commands(self, commands: Sequence[CommandRow], others: Others) -> None:
        in_swap = [command for command in commands if _shown(command.swap)]
        if in_swap:
            self._heading("in no group")
        for command in in_swap:
            times = f" ({command.processes})" if command.processes > 1 else ""
            self._row(Text(f"{printable(command.name)}{times}"), **_measured(command))
            self._members(command.members)
        self._others(others, "command")

    def _members(self, members: Iterable[ProcessRow]) -> None:
        for member in members:
            if _shown(member.swap):
                self._row(Text(f"  {member.pid} {member.role or ''}"), **_measured(member), style="dim")

    def _others(self, others: Others, word: str) -> None:
        if others.rows:
            name = f"{plural(others.rows, f'more {word}', f'more {word}s')}"
            self._row(Text(name), swap=_swap(others.swap), resident=_size(others.resident))

    def _remainder(self, remainder: Remainder) -> None:
        parts = (
            ("SysV shared memory", remainder.sysv_shm or 0),
            ("shared memory", remainder.shared_memory),
            ("swap cache", remainder.swap_cache),
            ("counted repeatedly", -remainder.repeated),
        )
        if any(number for _, number in parts):
            self._heading("in no process")
        for name, number in parts:
            if number:
                self._row(Text(name), swap=f"-{size(-number)}" if number < 0 else size(number))


def _unknown(group: GroupRow) -> str:
    return f"+{group.unknown}{UNKNOWN}" if group.unknown else ""


def _measured(row: GroupRow | CommandRow | ProcessRow) -> dict[str, str]:
    """The cells that every row has."""
    return {"swap": _swap(row.swap), "resident": _size(row.resident), "swapin": _swapin(row.swapin)}


def _cell_width(cell: object) -> int:
    return max(map(cell_len, str(cell).split("\n")))


def _shown(swap: Swap | None) -> bool:
    return swap is None or swap.size > 0


def _size(number: int | None) -> str:
    return "" if number is None else size(number)


def _swap(swap: Swap | None) -> str:
    return "?" if swap is None else f"{size(swap.size)}{'' if swap.proportional else VMSWAP}"


def _swapin(swapin: SwapIn) -> str:
    if swapin.bytes_per_second is None:
        return f"{swapin.major_faults_per_second:.0f} {FAULTS}"
    return f"{size(swapin.bytes_per_second)}/s" if swapin.bytes_per_second else "0"


def _wake(group: GroupRow) -> str:
    if group.wake_bytes is None:
        return ""
    seconds = "" if group.wake_seconds is None else f" {short_time(group.wake_seconds)}"
    return f"{size(group.wake_bytes)}{seconds}"
