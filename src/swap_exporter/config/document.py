"""From the bytes of a file to the nodes of its one YAML document, and to the pairs of its mappings."""

import re

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from swap_exporter.config.mistakes import ConfigError, Mistakes, quoted

Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Pairs = dict[str, tuple[ScalarNode, Node]]
"""The keys of a mapping: its own, then those that it merges in."""

_MAX_DEPTH = 32
_MERGE_TAG = "tag:yaml.org,2002:merge"
# YAML 1.1, 5.1: the printable characters. libyaml would refuse the others without a line.
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def compose(content: bytes, name: str) -> Node | None:
    """The root of the document, ``None`` for one that is empty or only has comments. Raises ConfigError."""
    text = _decode(content, name)
    try:
        _check_depth(text, name)
        root = Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(name, error) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # an escape beyond Unicode, without C
        raise ConfigError((f"{name}: not valid YAML: {' '.join(str(error).split())}",)) from None
    if isinstance(root, ScalarNode) and not root.value and not root.style:
        return None
    return root


def pairs(node: MappingNode, path: str, mistakes: Mistakes) -> Pairs:
    """Keys and values of a mapping, ``<<`` resolved: its own keys win, then what is merged first."""
    return _merged(node, path, mistakes, {}, ())


def _merged(
    node: MappingNode, path: str, mistakes: Mistakes, known: dict[int, Pairs], inside: tuple[int, ...]
) -> Pairs:
    if id(node) in known:  # otherwise mappings that merge one another twice cost 2 ** depth
        return known[id(node)]
    own: Pairs = {}
    sources: list[Node] = []
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            mistakes.add(key, path, "found a key that is no text, expected a name")
        elif key.tag == _MERGE_TAG:
            sources.extend(value.value if isinstance(value, SequenceNode) else [value])
        elif key.value in own:
            first = own[key.value][0].start_mark.line + 1
            mistakes.add(key, path, f"found the key {quoted(key.value)} again, it stands in line {first}")
        else:
            own[key.value] = (key, value)
    inherited: Pairs = {}
    for source in sources:
        if not isinstance(source, MappingNode):
            mistakes.add(source, path, "found << with something else, expected a mapping to merge")
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
        raise ConfigError((f"{name}:1:1: found UTF-16, expected UTF-8",))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(content[: error.start].decode("utf-8-sig"))
        message = f"found the byte 0x{content[error.start]:02x}, which is not UTF-8"
        raise ConfigError((f"{name}:{line}:{column}: {message}",)) from None
    if refused := _NOT_YAML.search(text):
        line, column = _line_and_column(text[: refused.start()])
        message = f"found the character U+{ord(refused[0]):04X}, which YAML does not allow"
        raise ConfigError((f"{name}:{line}:{column}: {message}",))
    return text


def _check_depth(text: str, name: str) -> None:
    """Composing recurses, and in C a deep enough document ends the process: events do not recurse."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                mark = event.start_mark
                assert mark is not None
                message = f"found more than {_MAX_DEPTH} levels of nesting"
                raise ConfigError((f"{name}:{mark.line + 1}:{mark.column + 1}: {message}",))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _syntax_error(name: str, error: yaml.MarkedYAMLError) -> ConfigError:
    problem = error.problem or error.context or "malformed"
    if problem == "but found another document":
        problem = "found a second document, expected one"
    elif error.context and error.problem:
        problem = f"{error.context}: {problem}"
    mark = error.problem_mark or error.context_mark
    place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    return ConfigError((f"{place}: not valid YAML: {' '.join(problem.split())}",))


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")
