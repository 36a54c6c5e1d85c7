"""Reads one mapping of a configuration by its known keys.

It works on the nodes of the document and uses no schema library: those stop at the first mistake, do not
know positions, and get ``on``, ``012`` and ``1:30`` only after YAML 1.1 has converted them.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeVar

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from swap_exporter.config.document import Pairs, pairs
from swap_exporter.config.mistakes import Mistakes, found, is_null, is_quoted, quoted
from swap_exporter.config.scalar import Kind, KindError

T = TypeVar("T")
D = TypeVar("D")

# The tags that PyYAML gives to nodes without a tag. The kind decides what a scalar means.
_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value", "map", "seq")
)


class Text(NamedTuple):
    """A text as it is written in the file."""

    value: str
    node: ScalarNode
    path: str


class Section:
    """A mapping, or its absence. Every method returns the default if there is no usable value."""

    def __init__(self, node: Node | None, path: str, known: Sequence[str], mistakes: Mistakes) -> None:
        self.node = node
        self.path = path
        self._mistakes = mistakes
        self._pairs: Pairs = {}
        if node is None:
            return
        if not isinstance(node, MappingNode) or node.tag not in _PLAIN_TAGS:
            mistakes.add(node, path, f"{_shown(node)}, expected a mapping with keys such as {known[0]}")
            return
        self._pairs = pairs(node, path, mistakes)
        for name, (key, _) in self._pairs.items():
            if name not in known:
                mistakes.add(key, path, _unknown(name, known))

    @property
    def line(self) -> int:
        """The line of the section from 1; 0 if it is absent."""
        return self.node.start_mark.line + 1 if self.node else 0

    def section(self, key: str, known: Sequence[str]) -> "Section":
        node = self._value(key)
        absent = node is None or is_null(node)
        return Section(None if absent else node, self._path(key), known, self._mistakes)

    def sections(self, key: str, known: Sequence[str]) -> list["Section"]:
        """The mappings in a list; other items are mistakes."""
        items = [Section(node, path, known, self._mistakes) for node, path in self._items(key) or ()]
        return [section for section in items if isinstance(section.node, MappingNode)]

    def scalar(self, key: str, kind: Kind[T], default: T) -> T:
        node = self._value(key)
        return default if node is None else self._read(node, self._path(key), kind, default)

    def optional(self, key: str, kind: Kind[T], default: T | None) -> T | None:
        """Like ``scalar``, but an empty value and ``null`` mean ``None``."""
        node = self._value(key)
        if node is None:
            return default
        return None if is_null(node) else self._read(node, self._path(key), kind, default)

    def text(self, key: str) -> Text | None:
        """``None`` if it is absent, empty or a mistake."""
        node = self._value(key)
        return None if node is None or is_null(node) else self._text(node, self._path(key))

    def texts(self, key: str) -> list[Text] | None:
        """The texts in a list, without mistakes; ``None`` if there is no list."""
        items = self._items(key)
        if items is None:
            return None
        return [text for node, path in items if (text := self._text(node, path)) is not None]

    def mistake(self, message: str, text: Text | None = None, offset: int = 0) -> None:
        """Add a mistake in one of its texts, ``offset`` columns after the start, or in the whole section."""
        node, path = (text.node, text.path) if text else (self.node, self.path)
        assert node is not None, "an absent section has no mistakes"
        self._mistakes.add(node, path, message, offset)

    def _value(self, key: str) -> Node | None:
        return self._pairs[key][1] if key in self._pairs else None

    def _path(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _items(self, key: str) -> list[tuple[Node, str]] | None:
        node = self._value(key)
        if node is None or is_null(node):
            return None
        if not isinstance(node, SequenceNode) or node.tag not in _PLAIN_TAGS:
            self._mistakes.add(node, self._path(key), f"{_shown(node)}, expected a list")
            return []
        return [(item, f"{self._path(key)}[{index}]") for index, item in enumerate(node.value)]

    def _text(self, node: Node, path: str) -> Text | None:
        if not isinstance(node, ScalarNode) or node.tag not in _PLAIN_TAGS:
            self._mistakes.add(node, path, f"{_shown(node)}, expected text")
            return None
        if is_null(node):
            self._mistakes.add(node, path, f"{_shown(node)}, expected text: in quotes if this is meant")
            return None
        return Text(node.value, node, path)

    def _read(self, node: Node, path: str, kind: Kind[T], default: D) -> T | D:
        expected = kind.expected
        if isinstance(node, ScalarNode) and node.tag in _PLAIN_TAGS and (kind.quotes or not is_quoted(node)):
            try:
                return kind.parse(node.value)
            except KindError as error:
                expected = str(error)
        self._mistakes.add(node, path, f"{_shown(node)}, expected {expected}")
        return default


def _shown(node: Node) -> str:
    return f"found {found(node)}" + ("" if node.tag in _PLAIN_TAGS else f" with the tag {quoted(node.tag)}")


def _unknown(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    expected = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(known)}"
    return f"unknown key {quoted(name)}, {expected}"
