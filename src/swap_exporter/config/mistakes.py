"""Mistakes in a configuration, collected with their places and worded for people."""

from yaml import MappingNode, Node, ScalarNode, SequenceNode

_SHOWN_CHARACTERS = 80
_EXCERPT_MISTAKES = 20
_EXCERPT_CHARACTERS = 500


class ConfigError(Exception):
    """A configuration that cannot be used."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes
        """One line each, in the order of the file."""

    def excerpt(self) -> tuple[str, ...]:
        """The first 20 mistakes for a log, long ones shortened, and the number of the others."""
        lines = tuple(
            line if len(line) <= _EXCERPT_CHARACTERS else f"{line[: _EXCERPT_CHARACTERS - 1]}…"
            for line in self.mistakes[:_EXCERPT_MISTAKES]
        )
        more = len(self.mistakes) - len(lines)
        return (*lines, f"and {more} more mistakes, of {len(self.mistakes)}") if more else lines


class Mistakes:
    """The mistakes found in one document so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        """The name of the file in messages."""
        self._found: dict[tuple[int, int, str], None] = {}

    def add(self, node: Node, path: str, message: str, offset: int = 0) -> None:
        """Add a mistake at a node. ``path``: the keys that lead to it, "" for the document."""
        where = f"{path}: " if path else ""
        mark = node.start_mark
        # A dictionary: a mapping that is merged several times is read several times.
        self._found[(mark.line + 1, mark.column + 1 + offset, f"{where}{message}")] = None

    def raise_any(self) -> None:
        """Raises ConfigError if there are mistakes."""
        if self._found:
            raise ConfigError(
                tuple(f"{self.name}:{line}:{column}: {text}" for line, column, text in sorted(self._found))
            )


def quoted(text: str) -> str:
    """The text on one line in double quotes, shortened if it is long."""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 1] + "…"
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return '"' + "".join(shown) + '"'


def found(node: Node) -> str:
    """A description of the value at a node."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if is_null(node):
        return "nothing" if not node.value else quoted(node.value)
    return ("the text " if is_quoted(node) else "") + quoted(str(node.value))


def is_quoted(node: Node) -> bool:
    """Whether it is a scalar in quotes or a block, and so meant as text."""
    return isinstance(node, ScalarNode) and bool(node.style)


def is_null(node: Node) -> bool:
    """Whether it is empty, ``~`` or ``null``."""
    return isinstance(node, ScalarNode) and not is_quoted(node) and node.value in _NULLS


_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
