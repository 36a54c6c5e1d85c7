"""Group names: the part of Go's template language that process-exporter's configurations use, its fields."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches

from swap_exporter.sampling.sample import Process


class TemplateError(ValueError):
    """Not a template of fields; the message is one line."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset
        """Where in the text, in characters from 0."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a name needs in addition to the process."""

    boot_time: int
    """Wall clock seconds: btime of /proc/stat."""
    clock_ticks: int
    """Per second: sysconf(_SC_CLK_TCK)."""
    username: Callable[[int], str]
    """The name of a uid, or its number as text."""


@dataclass(frozen=True, slots=True)
class Template:
    """A group name with fields such as ``{{.ExeBase}}`` in it."""

    text: str
    _pieces: tuple[tuple[str, str, str | None], ...]
    """(text before it, field, capture of ``.Matches`` or ``None``); a last one may have no field."""

    @classmethod
    def parse(cls, text: str, captures: frozenset[str]) -> "Template":
        """``captures`` are the names that ``.Matches.name`` may use. Raises TemplateError."""
        pieces: list[tuple[str, str, str | None]] = []
        start = 0
        while (opening := text.find("{{", start)) >= 0:
            closing = text.find("}}", opening)
            if closing < 0:
                raise TemplateError("{{ without }}", opening)
            action = text[opening + 2 : closing]
            try:
                pieces.append((text[start:opening], *_parse_action(action, captures)))
            except ValueError as error:
                raise TemplateError(str(error), opening) from None
            start = closing + 2
        if start < len(text):
            pieces.append((text[start:], "", None))
        return cls(text, tuple(pieces))

    @property
    def fields(self) -> frozenset[str]:
        """The fields it uses, without dots: ``Matches`` for ``.Matches.app``."""
        return frozenset(field for _, field, _ in self._pieces if field)

    @property
    def fixed(self) -> bool:
        """It has no fields: every process gets the same name, known in advance."""
        return not self.fields

    def render(self, process: Process, matches: Mapping[str, str], context: Context) -> str:
        rendered = []
        for literal, field, capture in self._pieces:
            rendered.append(literal)
            if capture is not None:
                rendered.append(matches.get(capture, ""))
            elif field == "Matches":
                rendered.append(_go_map(matches))
            elif field:
                rendered.append(_FIELDS[field](process, context))
        return "".join(rendered)


def go_base(path: str) -> str:
    """The last element of a path as Go's filepath.Base gives it: "." for "", "/" for nothing but slashes."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def systemd_unit(cgroups: tuple[str, ...] | None) -> str:
    """The innermost systemd unit in the paths of a process, "" if there is none.

    From the last path on: /proc/PID/cgroup ends with the hierarchies that systemd keeps, name=systemd and
    the unified one.
    """
    for path in reversed(cgroups or ()):
        for component in reversed(path.split("/")):
            if component.endswith(_UNIT_SUFFIXES):
                return component
    return ""


_UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount")


def _exe_full(process: Process) -> str:
    return process.argv[0] if process.argv else process.comm


def _exe_base(process: Process) -> str:
    return go_base(process.argv[0]) if process.argv else process.comm


def _username(process: Process, context: Context) -> str:
    return "" if process.effective_uid is None else context.username(process.effective_uid)


def _start_time(process: Process, context: Context) -> str:
    """As Go prints a time in UTC: fractions of a second without trailing zeros."""
    seconds, ticks = divmod(process.start_ticks, context.clock_ticks)
    start = datetime.fromtimestamp(context.boot_time, UTC) + timedelta(seconds=seconds)
    fraction = f"{ticks * 1_000_000_000 // context.clock_ticks:09}".rstrip("0")
    return f"{start:%Y-%m-%d %H:%M:%S}{'.' + fraction if fraction else ''} +0000 UTC"


def _go_map(matches: Mapping[str, str]) -> str:
    return "map[" + " ".join(f"{name}:{matches[name]}" for name in sorted(matches)) + "]"


_FIELDS: Mapping[str, Callable[[Process, Context], str]] = {
    "Cgroups": lambda process, _: "[" + " ".join(process.cgroups or ()) + "]",
    "Comm": lambda process, _: process.comm,
    "ExeBase": lambda process, _: _exe_base(process),
    "ExeFull": lambda process, _: _exe_full(process),
    "PID": lambda process, _: str(process.pid),
    "StartTime": _start_time,
    "Unit": lambda process, _: systemd_unit(process.cgroups),
    "Username": _username,
}
_FIELD_NAMES = sorted((*_FIELDS, "Matches"))

# Go's white space inside an action, and its names: letters, digits and _, not starting with a digit.
_ACTION = re.compile(r"[ \t\r\n]*\.([^\W\d]\w*)(?:\.([^\W\d]\w*))?[ \t\r\n]*")
_NESTED = re.compile(r"(?:\.\w+){2,}")
_KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with")
)


def _parse_action(action: str, captures: frozenset[str]) -> tuple[str, str | None]:
    """The field between ``{{`` and ``}}``, and which capture of it. Raises ValueError."""
    found = _ACTION.fullmatch(action)
    if found is None or (found[2] and found[1] in _FIELDS):
        shown = " ".join(f"{{{{{action}}}}}".split())
        raise ValueError(f"{_construct(action)} in {shown}, expected only a field such as {{{{.Comm}}}}")
    field, capture = found[1], found[2]
    if field not in _FIELD_NAMES:
        raise ValueError(f"there is no field .{field}, {_meant(field, _FIELD_NAMES, '.')}")
    if capture is not None and capture not in captures:
        known = _meant(capture, sorted(captures)) if captures else "there is no named group in them"
        raise ValueError(f"no cmdline regex of the entry captures {capture}, {known}")
    return field, capture


def _meant(found: str, known: Iterable[str], prefix: str = "") -> str:
    """The known name that is close to the one found, whatever its case; else all of them."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(found.casefold(), by_folded, n=1)
    if close:
        return f"did you mean {prefix}{by_folded[close[0]]}?"
    return f"expected one of {', '.join(by_folded.values())}"


def _construct(action: str) -> str:
    """What of Go's template language this is, for a person."""
    if re.match(r"-\s", action) or re.search(r"\s-$", action):
        return "trim marker"
    stripped = action.strip()
    word = re.match(r"\w*", stripped)
    if stripped.startswith("/*"):
        return "comment"
    if "|" in stripped:
        return "pipeline"
    if stripped[:1] in ('"', "`", "'"):
        return "constant"
    if "$" in stripped or ":=" in stripped:
        return "variable"
    if word and word[0]:
        if word[0][0].isdigit():
            return "constant"
        return f"{'keyword' if word[0] in _KEYWORDS else 'function'} {word[0]}"
    if _NESTED.fullmatch(stripped):
        return "nested field"
    return "no single field"
