"""A bar chart of what uses the swap, as SVG, with the same figures as a list."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from swap_exporter.assessment import Assessment
from swap_exporter.readable import plural, printable, size

NAMED_GROUPS = 3
"""As many shades are distinguishable; the other groups are one part."""


class Part(NamedTuple):
    kind: str
    """CSS class, which sets its colour."""
    name: str
    """Untrusted: any process can choose its title."""
    size: int
    """Bytes."""


def holders(assessment: Assessment) -> list[Part]:
    """The parts of the used swap, without those of size 0 or unknown size."""
    attribution = assessment.attribution
    if attribution is None:
        return []
    rest = (
        ("ungrouped", "processes in no group", attribution.ungrouped),
        ("shm", "System V shared memory", attribution.sysv_shm),
        ("unattributed", "no process (tmpfs, memfd, swap cache)", attribution.unattributed),
    )
    parts = [*_groups(assessment), *(Part(kind, name, number or 0) for kind, name, number in rest)]
    return [part for part in parts if part.size]


def _groups(assessment: Assessment) -> Iterator[Part]:
    sizes = ((group.attributed or 0, group.name) for group in assessment.groups)
    largest = sorted(sizes, key=lambda each: (-each[0], each[1]))
    for rank, (number, name) in enumerate(largest[:NAMED_GROUPS]):
        yield Part(f"group{rank}", printable(name), number)
    others = [number for number, _ in largest[NAMED_GROUPS:] if number]
    yield Part("groups", plural(len(others), "other group", "other groups"), sum(others))


def bar(parts: Sequence[Part]) -> str:
    """The chart, hidden from screen readers, and the list with the same figures."""
    whole = sum(part.size for part in parts)
    return "\n".join(
        (
            '<svg class="bar" width="100%" height="28" aria-hidden="true">',
            *_rectangles(parts, whole),
            "</svg>",
            '<ul class="holders">',
            *(
                f'<li><svg class="swatch" width="12" height="12" aria-hidden="true">'
                f'<rect class="{part.kind}" width="12" height="12" rx="2"/></svg>'
                f"<span><bdi>{escape(part.name)}</bdi></span> <b>{size(part.size)}</b></li>"
                for part in parts
            ),
            "</ul>",
        )
    )


def _rectangles(parts: Iterable[Part], whole: int) -> Iterator[str]:
    begin = 0
    for part in parts:
        x, width = 100 * begin / whole, 100 * part.size / whole
        tip = f"<title>{escape(part.name)}: {size(part.size)}</title>"
        yield f'<rect class="{part.kind}" x="{x:.3f}%" width="{width:.3f}%" height="28">{tip}</rect>'
        begin += part.size
