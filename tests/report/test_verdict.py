"""The sentence that stands first."""

import pytest

from tests.making import MIB, member, process
from tests.report.making import host, reading, report, told


def group(pid, name="shop", faults=0, swap=100 * MIB):
    return member(process(pid, swap=swap, major_faults=faults), group=name)


def sentence(members=(), of=None, **rest):
    members = list(members)
    before = {each.process.pid: each.process._replace(major_faults=0) for each in members}
    return report(reading(members, of=of or host(used=300 * MIB), before=before, **rest)).verdict


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (lambda: sentence(of=host(total=0)), "This host has no swap."),
        (lambda: sentence(of=host()), "Nothing is in swap: 0 of 2 GiB are used."),
        (lambda: sentence(), "300 MiB of swap are used, and no worker of a known server is in swap."),
        (
            lambda: sentence(told={}),
            "300 MiB of swap are used, and no group is stranded or reads itself back.",
        ),
        (
            lambda: sentence([group(10)]),
            "1 of 1 worker of shop is in swap while 8 GiB of memory are available; which of them "
            "are idle is unknown.",
        ),
        (
            lambda: sentence(
                [group(10), group(11, "b"), group(12, "c")], told={"shop": told(3, 1, stranded=MIB)}
            ),
            "3 of 4 workers of shop are idle in swap, stranded: at most 1 MiB that memory has room for and "
            "that their next requests will wait for.",
        ),
        (
            lambda: sentence(
                [group(10, "a"), group(11, "b", swap=200 * MIB)],
                told={"a": told(3, 1, stranded=MIB), "b": told(1, stranded=MIB)},
            ),
            "4 of 5 workers of b and 1 other group are idle in swap, stranded: at most 2 MiB that memory "
            "has room for and that their next requests will wait for.",
        ),
        (
            lambda: sentence(
                [group(10, "a"), group(11, "b", swap=200 * MIB)],
                told={"a": told(1, stranded=300 * MIB), "b": told(1, stranded=300 * MIB)},
            ),
            "2 of 2 workers of b and 1 other group are idle in swap, stranded: at most 300 MiB that memory "
            "has room for and that their next requests will wait for.",
        ),
        (
            lambda: sentence(
                [group(10)],
                told={"shop": told(1, stranded=MIB)},
                proportional={group(10).process.identity: 100 * MIB},
            ),
            "1 of 1 worker of shop is idle in swap, stranded: 1 MiB that memory has room for and that their "
            "next requests will wait for.",
        ),
        (
            lambda: sentence([group(10, faults=99)], host(used=MIB, swapin_pages=5120), swapin={10: 5120}),
            "shop is reading itself back from swap (10 MiB/s), and its requests wait for that.",
        ),
        (
            lambda: sentence([group(10, faults=99)], host(used=MIB, swapin_pages=5120)),
            "shop is probably reading itself back from swap (50 major faults/s), and its requests wait for "
            "that.",
        ),
    ],
)
def test_the_worst_comes_first(built, expected):
    assert built() == expected


def test_a_name_cannot_write_more_than_its_name():
    assert r"of \x1b[2Jshop\n is in swap" in sentence([group(10, "\x1b[2Jshop\n")])
