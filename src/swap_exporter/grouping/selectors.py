"""Which processes an entry claims. The selectors are exactly process-exporter's.

``comm``, ``exe`` and ``cmdline`` must all match: one of the names in ``comm`` and in ``exe``, and every
regular expression in ``cmdline``. An empty list of names matches nothing, an empty ``cmdline`` everything.
"""

from collections.abc import Mapping

from swap_exporter.sampling.sample import Process
from swap_exporter.settings import Entry
from swap_exporter.settings.template import go_base


def claim(entry: Entry, process: Process) -> Mapping[str, str] | None:
    """The captures of the regular expressions; ``None`` if the entry does not claim the process."""
    if entry.comm is not None and process.comm not in entry.comm:
        return None
    if entry.exe is not None and not _named(entry.exe, process.argv):
        return None
    captures: dict[str, str] = {}
    if entry.cmdline:
        title = process.title
        for pattern in entry.cmdline:
            found = pattern.captures(title)
            if found is None:
                return None
            captures |= found
    return captures


def explain(entry: Entry, process: Process) -> str | None:
    """The first selector that does not match, and the text; ``None`` if the entry claims the process."""
    if entry.comm is not None and process.comm not in entry.comm:
        return f"comm is {process.comm!r}, not {_one_of(sorted(entry.comm))}"
    if entry.exe is not None and not _named(entry.exe, process.argv):
        actual = f"argv[0] is {process.argv[0]!r}" if process.argv else "there is no argv[0]"
        return f"exe: {actual}, not {_one_of(entry.exe)}"
    for index, pattern in enumerate(entry.cmdline or ()):
        if pattern.search(process.title) is None:
            return f"cmdline[{index}] is not found in its title: {pattern.pattern}"
    return None


def _named(exe: tuple[str, ...], argv: tuple[str, ...]) -> bool:
    """A name without a slash is compared with the last element of argv[0], a path with all of argv[0]."""
    if not argv:
        return False
    base = go_base(argv[0])
    return any(name == (argv[0] if "/" in name else base) for name in exe)


def _one_of(names: list[str] | tuple[str, ...]) -> str:
    return "one of " + ", ".join(map(repr, names)) if names else "anything: the list is empty"
