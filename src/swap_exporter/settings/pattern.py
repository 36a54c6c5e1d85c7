"""Regular expressions in RE2: Go's syntax, and linear time for titles that any process can choose.

Unlike Go's package, RE2 limits the memory of a compiled pattern (``\\pL{1000}`` is refused as too large) and
supports ``\\C``. A name for two groups is refused: Python's binding returns only the first of them, Go the
last, even if it is empty.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import re2

# RE2 builds an automaton while it searches, and hostile titles fill its budget. For the titles of
# test_hostile_titles_cost_little_memory 50 patterns take 70 MiB with RE2's default, and 3 MiB and less time
# with this. Few patterns need more to compile.
_BUDGET_BYTES = 256 << 10
_LARGE_BUDGET_BYTES = 8 << 20

_CAPTURE_NAME = re.compile(r"\(\?P?<(\w+)>")


class PatternError(ValueError):
    """RE2 refuses the pattern. The message is one line."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Patterns with the same text are equal."""

    pattern: str
    groups: tuple[str, ...]
    """The name of each group, the whole match first; "" for it and for groups without a name."""
    _compiled: Any = field(repr=False, compare=False)

    def search(self, text: str) -> object | None:
        """``None`` if the pattern does not occur in the text."""
        return self._compiled.search(text)  # type: ignore[no-any-return]

    def captures(self, text: str) -> dict[str, str] | None:
        """The text that each named group matched; ``None`` if the pattern does not occur.

        An optional group that did not take part has "". The key "" has the last group without a name, or else
        the whole match. process-exporter's ``.Matches`` is the same, and ``{{.Matches}}`` shows it.
        """
        match = self._compiled.search(text)
        if match is None:
            return None
        return dict(zip(self.groups, (match.group(), *match.groups("")), strict=True))


def capture_names(text: str) -> frozenset[str]:
    """The names that a pattern seems to capture, even if it does not compile."""
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
