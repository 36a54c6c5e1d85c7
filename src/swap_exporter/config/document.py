"""From a file to the nodes of its YAML document, and to the keys and values of a mapping."""

import re
from errno import EISDIR
from pathlib import Path
from typing import Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from swap_exporter import regular_file
from swap_exporter.config.mistakes import ConfigError, Mistakes, quoted

Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Pairs = dict[str, tuple[ScalarNode, Node]]
"""Keys with their nodes and values."""

_MAX_DEPTH = 32
_MERGE_TAG = "tag:yaml.org,2002:merge"
# All but the printable characters of YAML 1.1, section 5.1. libyaml refuses them without a line number.
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_file(path: str, *, allow_pipe: bool = False) -> bytes:
    """The content of a regular file, or of a pipe if that is allowed. Raises ConfigError."""
    try:
        return Path(path).read_bytes() if allow_pipe else regular_file.read(path)
    except OSError as error:
        reason = "is a directory" if error.errno == EISDIR else (error.strerror or str(error)).lower()
        raise ConfigError((f"{path}: {reason}",)) from None
    except ValueError:
        raise ConfigError((f"{path!r}: not a file name",)) from None


def compose(content: bytes, name: str) -> Node | None:
    """The root of the document, ``None`` if it is empty or has only comments. Raises ConfigError."""
    text = _decode(content, name)
    try:
        _check_depth(text, name)
        root = Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(name, error) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # without libyaml: an escape beyond Unicode
        raise ConfigError((f"{name}: not valid YAML: {' '.join(str(error).split())}",)) from None
    if isinstance(root, ScalarNode) and not root.value and not root.style:
        return None
    return root


def pairs(node: MappingNode, path: str, mistakes: Mistakes) -> Pairs:
    """Keys and values of a mapping with ``<<`` resolved. Its own keys win, then the first mapping's."""
    return _merged(node, path, mistakes, {}, ())


def _merged(
    node: MappingNode, path: str, mistakes: Mistakes, known: dict[int, Pairs], inside: tuple[int, ...]
) -> Pairs:
    if id(node) in known:  # without this a chain of mappings that merge the last one twice costs 2 ** length
        return known[id(node)]
    own: Pairs = {}
    sources: list[Node] = []
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            mistakes.add(key, path, "found a key that is not text, expected a name")
        elif key.tag == _MERGE_TAG:
            sources.extend(value.value if isinstance(value, SequenceNode) else [value])
        elif key.value in own:
            first = own[key.value][0].start_mark.line + 1
            mistakes.add(key, path, f"found the key {quoted(key.value)} again, it is already in line {first}")
        else:
            own[key.value] = (key, value)
    inherited: Pairs = {}
    for source in sources:
        if not isinstance(source, MappingNode):
            mistakes.add(source, path, "found << without a mapping to merge")
        elif id(source) in (*inside, id(node)):
            mistakes.add(source, path, "found << with a mapping that contains itself")
        elif len(inside) >= _MAX_DEPTH:
            mistakes.add(source, path, f"found more than {_MAX_DEPTH} mappings merged into one another")
        else:
            found = _merged(source, path, mistakes, known, (*inside, id(node)))
            inherited = {**found, **inherited}
    known[id(node)] = {**inherited, **own}
    return known[id(node)]


def _decode(content: bytes, name: str) -> str:
    if content.startswith(_UTF16_MARKS):
        raise _error(name, _end_of(""), "found UTF-16, expected UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _end_of(content[: error.start].decode("utf-8-sig"))
        raise _error(
            name, place, f"found the byte 0x{content[error.start]:02x}, which is not UTF-8"
        ) from None
    if refused := _NOT_YAML.search(text):
        place = _end_of(text[: refused.start()])
        raise _error(name, place, f"found the character U+{ord(refused[0]):04X}, which YAML does not allow")
    return text


def _check_depth(text: str, name: str) -> None:
    """Raises ConfigError. Before 0.2.6 libyaml composes nodes of any depth recursively, until it crashes."""
    depth = 0
    for event in yaml.parse(text, Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise _error(name, event.start_mark, f"found more than {_MAX_DEPTH} levels of nesting")


def _syntax_error(name: str, error: yaml.MarkedYAMLError) -> ConfigError:
    problem = error.problem or error.context or "malformed"
    if problem == "but found another document":
        problem = "found a second document, expected one"
    elif error.context and error.problem:
        problem = f"{error.context}: {problem}"
    place = error.problem_mark or error.context_mark
    return _error(name, place, f"not valid YAML: {' '.join(problem.split())}")


def _error(name: str, place: Any, message: str) -> ConfigError:
    """``place``: a mark of PyYAML, a mark of libyaml or ``None``."""
    where = f"{name}:{place.line + 1}:{place.column + 1}" if place else name
    return ConfigError((f"{where}: {message}",))


def _end_of(text: str) -> yaml.Mark:
    return yaml.Mark("", len(text), text.count("\n"), len(text) - text.rfind("\n") - 1, None, 0)
