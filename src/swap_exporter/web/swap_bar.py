"""A bar of what uses the swap, as SVG with a legend. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from swap_exporter.assessment import Assessment
from swap_exporter.readable import plural, printable, size

NAMED_GROUPS = 3
"""Shades that can be told apart; the other groups are one part."""


class Part(NamedTuple):
    kind: str
    """What the stylesheet colours it by."""
    name: str
    """Text, as any process may choose it."""
    size: int
    """Bytes."""


def holders(assessment: Assessment) -> list[Part]:
    """What uses the swap, without parts that are empty or unknown."""
    attribution = assessment.attribution
    if attribution is None:
        return []
    rest = (
        ("ungrouped", "processes in no group", attribution.ungrouped),
        ("shm", "System V shared memory", attribution.sysv_shm),
        ("unattributed", "no process (tmpfs, memfd, swap cache)", attribution.unattributed),
    )
    parts = [*_groups(assessment), *(Part(kind, name, held or 0) for kind, name, held in rest)]
    return [part for part in parts if part.size]


def _groups(assessment: Assessment) -> Iterator[Part]:
    held = {group.name: group.held for group in assessment.groups}
    largest = sorted(((of or 0, name) for name, of in held.items()), key=lambda each: (-each[0], each[1]))
    for place, (of, name) in enumerate(largest[:NAMED_GROUPS]):
        yield Part(f"group{place}", printable(name), of)
    others = [of for of, _ in largest[NAMED_GROUPS:] if of]
    yield Part("groups", plural(len(others), "other group", "other groups"), sum(others))


def bar(parts: Sequence[Part]) -> str:
    """The picture, which screen readers pass over, and the list that says the same."""
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
