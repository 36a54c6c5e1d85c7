"""Regular expressions in RE2: Go's syntax, and linear time, since any user can choose the title of a process.

Unlike Go's, RE2 bounds the memory of a compiled pattern (``\\pL{1000}`` is refused as too large), and knows
``\\C``. Python's binding finds a capture by its name only under the first group that bears it, so a name
used twice is refused; in Go the last group would win, also when it is empty.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import re2

# The automaton that RE2 builds while it searches fills its budget when titles are hostile: with RE2's default
# 50 patterns take 70 MiB for the titles of test_hostile_titles_cost_little_memory, with this 3 MiB and less
# time. Few patterns need more to compile.
_BUDGET_BYTES = 256 << 10
_LARGE_BUDGET_BYTES = 8 << 20

_CAPTURE_NAME = re.compile(r"\(\?P?<(\w+)>")


class PatternError(ValueError):
    """Not a pattern that RE2 accepts; the message is one line."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; patterns with the same text are equal."""

    pattern: str
    groups: tuple[str, ...]
    """The name of each group, the whole match first; "" for it and for groups without a name."""
    _compiled: Any = field(repr=False, compare=False)

    def search(self, text: str) -> object | None:
        """Something other than ``None`` if the pattern occurs anywhere in the text."""
        return self._compiled.search(text)  # type: ignore[no-any-return]

    def captures(self, text: str) -> dict[str, str] | None:
        """What each named group matched; ``None`` if the pattern does not occur.

        An optional group that took no part gives "". The key "" has the last group without a name, or the
        whole match: so does process-exporter's ``.Matches``, and its bare form shows it.
        """
        match = self._compiled.search(text)
        if match is None:
            return None
        return dict(zip(self.groups, (match.group(), *match.groups("")), strict=True))


def capture_names(text: str) -> frozenset[str]:
    """The names that a pattern seems to capture, also when it does not compile."""
    return frozenset(_CAPTURE_NAME.findall(text))


def compile_pattern(text: str) -> Pattern:
    """Raises PatternError."""
    names = _CAPTURE_NAME.findall(text)
    for name in names:
        if names.count(name) > 1:
            raise PatternError(f"the capture name {name} is used more than once")
    compiled = _compile(text)
    by_index = {index: name for name, index in compiled.groupindex.items()}
    return Pattern(text, tuple(by_index.get(index, "") for index in range(compiled.groups + 1)), compiled)


def _compile(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _BUDGET_BYTES
    try:
        return re2.compile(text, options)
    except UnicodeEncodeError:
        raise PatternError("not valid Unicode") from None
    except re2.error:
        options.max_mem = _LARGE_BUDGET_BYTES
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise PatternError(_message(error)) from None


def _message(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
