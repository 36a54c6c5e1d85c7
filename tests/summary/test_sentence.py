"""The sentence of the report: no samples follow, and an exporter may know more. tests/web has the page's."""

import pytest

from tests.making import MIB, member, process
from tests.report.making import exported_group, host, reading, report

USED = "300 MiB of 2 GiB swap used; "
REST = "; 8 GiB memory available; nothing is moving."


def group(pid, name="shop", faults=0, swap=100 * MIB):
    return member(process(pid, swap=swap, major_faults=faults), group=name)


def sentence(members=(), of=None, **rest):
    members = list(members)
    before = {each.process.pid: each.process._replace(major_faults=0) for each in members}
    return report(reading(members, of=of or host(used=300 * MIB), before=before, **rest)).verdict


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (lambda: sentence(), f"{USED}no worker of a known server runs here{REST}"),
        (lambda: sentence([group(10, swap=0)]), f"{USED}no worker of a known server is in it{REST}"),
        (
            lambda: sentence([group(10)]),
            f"{USED}1 of 1 worker of shop is in it, and which workers are idle is unknown{REST}",
        ),
        (
            lambda: sentence([group(10), group(11), group(12, swap=0), group(13, "b", swap=300 * MIB)]),
            f"{USED}3 of 4 workers of b and 1 other group are in it, and which workers are idle is "
            f"unknown{REST}",
        ),
        (
            lambda: sentence([group(10)], exported={"shop": exported_group(busy=1, stranded=0)}),
            f"{USED}no idle worker is in it{REST}",
        ),
        (
            lambda: sentence(
                [group(10)],
                exported={"shop": exported_group(3, 1, stranded=MIB, idle_swapped_bytes=90 * MIB)},
            ),
            f"{USED}3 idle workers of shop use at most 90 MiB of it{REST}",
        ),
        (
            lambda: sentence(
                [group(10), group(20, "new")],
                exported={
                    "shop": exported_group(
                        3,
                        stranded=MIB,
                        idle_swapped_bytes=90 * MIB,
                        idle_swapped_proportional_bytes=80 * MIB,
                    )
                },
            ),
            f"{USED}3 idle workers of shop use 80 MiB of it; 1 of 1 worker of new is in it, and which "
            f"workers are idle is unknown{REST}",
        ),
        (
            lambda: sentence([group(10, faults=99)], host(used=MIB, swapin_pages=5120), swapin={10: 5120}),
            "1 MiB of 2 GiB swap used; 1 of 1 worker of shop is in it, and which workers are idle is "
            "unknown; 8 GiB memory available; 10 MiB/s swap-in; shop reads 10 MiB/s back from swap.",
        ),
    ],
)
def test_the_host_in_a_sentence(built, expected):
    assert built() == expected


def test_a_name_cannot_write_more_than_its_name():
    assert r"of \x1b[2Jshop\n is in it" in sentence([group(10, "\x1b[2Jshop\n")])
