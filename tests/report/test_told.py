"""Asking an exporter: what its exposition says, and what becomes of everything else that may answer there."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.client.http import AskError
from swap_exporter.exposition.render import families, render
from swap_exporter.report.told import parse
from tests.exposition.test_exposition import assessed

BUILD_INFO = b'swap_exporter_build_info{version="1",python="3"} 1\n'


def test_it_reads_what_this_exporter_exposes():
    text = render(families(assessed())).body
    of = parse("u", text).groups["shop"]
    assert (of.idle, of.swapped, of.worker_count, of.idle_swapped_workers) == (1, 1, 2, 1)
    assert (of.displaced, of.stranded) == (100 << 20, 100 << 20)
    assert of.longest_idle_since == 1_001_000


def test_what_is_not_known_yet_is_not_told():
    of = parse("u", render(families(assessed(seconds=30))).body).groups["shop"]
    assert (of.idle, of.unknown, of.worker_count) == (0, 1, 2)
    assert (of.idle_swapped_workers, of.stranded, of.longest_idle_since) == (None, None, None)


@pytest.mark.parametrize(
    ("lines", "idle", "proportional"),
    [
        (b"", None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} 3\n', 3, None),
        (
            b'swap_group_workers{group="g",activity="idle",residency="swapped"} 3\n'
            b'swap_group_workers{group="g",activity="unknown",residency="resident"} 1\n',
            3,
            None,
        ),
        (b'swap_group_workers{group="g",activity="unknown",residency="resident"} 1\n', None, None),
        (
            b'swap_group_swap_proportional_bytes{group="g",role="master"} 1\n'
            b'swap_group_swap_proportional_bytes{group="g",role="worker"} 2\n',
            None,
            None,
        ),
        (
            b'swap_group_swap_proportional_bytes{group="g",role="master"} 1\n'
            b'swap_group_swap_proportional_bytes{group="g",role="worker"} 2\n'
            b'swap_group_swap_proportional_bytes{group="g",role="auxiliary"} 4\n',
            None,
            7,
        ),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} NaN\n', None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} +Inf\n', None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} 1e300\n', None, None),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} -1\n', None, None),
    ],
)
def test_a_part_that_is_missing_leaves_the_whole_unknown(lines, idle, proportional):
    groups = parse("u", BUILD_INFO + b'swap_group_displaced_bytes{group="g"} 1\n' + lines).groups
    assert (groups["g"].idle, groups["g"].proportional_swap) == (idle, proportional)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<!doctype html>", "answers with something that is no exposition of metrics"),
        (b"\xff\xfe", "answers with something that is no exposition of metrics"),
        (b"up 1\n", "is not a swap-exporter: there is no swap_exporter_build_info"),
        (BUILD_INFO + b"swap_group_wake_bytes 1\n", "no exposition of metrics"),
    ],
)
def test_what_is_no_exposition_of_this_exporter_is_one_line(body: bytes, reason: str) -> None:
    with pytest.raises(AskError, match=reason) as raised:
        parse("http://h/metrics", body)
    assert str(raised.value).startswith("http://h/metrics: ")
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_or_an_error(body):
    with contextlib.suppress(AskError):
        parse("u", BUILD_INFO + body)


NAMES = ["swap_group_workers", "swap_group_wake_bytes", "swap_group_swap_proportional_bytes", "up"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.text(max_size=20),
            st.sampled_from(["1", "-1", "NaN", "+Inf", "1e400", "0x1", "", "1 2 3"]),
        )
    )
)
def test_any_series_are_an_answer_or_an_error(series):
    text = "".join(f'{name}{{group="{labels}"}} {value}\n' for name, labels, value in series)
    with contextlib.suppress(AskError):
        parse("u", BUILD_INFO + text.encode(errors="replace"))
