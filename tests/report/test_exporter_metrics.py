"""The metrics of an exporter that was asked, and everything else that may answer there."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.assessment import Residency
from swap_exporter.client.http import AskError
from swap_exporter.exposition.render import families, render
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.report.exporter_metrics import ExporterGroup, parse
from tests.exposition.test_exposition import assessed

BUILD_INFO = b'swap_exporter_build_info{version="1",python="3"} 1\n'


FIGURES = ("workers", "idle_swapped", "longest_idle_since", "wake")


@pytest.mark.parametrize("seconds", [300, 30], ids=["known", "not known yet"])
def test_the_exporter_s_figures_are_those_of_its_own_assessment(seconds):
    own, blind = assessed(seconds), assessed(0)
    read = parse("u", render(families(own)).body).assessed(blind)
    for group, expected in zip(read.groups, own.groups, strict=True):
        for figure in FIGURES:
            if figure != "workers" or any(expected.workers.values()):
                assert getattr(group, figure) == getattr(expected, figure)
    assert all((group.idle_swapped is not None) is (seconds == 300) for group in read.groups)


def test_a_group_that_the_exporter_does_not_know_is_unchanged():
    own = assessed(0)
    assert parse("u", BUILD_INFO).assessed(own) == own


IDLE = (Activity.IDLE, Residency.SWAPPED)


@pytest.mark.parametrize(
    ("lines", "workers", "proportional"),
    [
        (b"", {}, {}),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} 3\n', {IDLE: 3}, {}),
        (b'swap_group_swap_proportional_bytes{group="g",role="worker"} 2\n', {}, {Role.WORKER: 2}),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} NaN\n', {}, {}),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} +Inf\n', {}, {}),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} 1e300\n', {}, {}),
        (b'swap_group_workers{group="g",activity="idle",residency="swapped"} -1\n', {}, {}),
    ],
)
def test_what_is_no_number_of_workers_or_bytes_is_absent(lines, workers, proportional):
    groups = parse("u", BUILD_INFO + b'swap_group_displaced_bytes{group="g"} 1\n' + lines).groups
    assert groups["g"] == ExporterGroup(workers, proportional, {"displaced_bytes": 1})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<!doctype html>", "the answer is not an exposition of metrics"),
        (b"\xff\xfe", "the answer is not an exposition of metrics"),
        (b"up 1\n", "is not a swap-exporter: there is no swap_exporter_build_info"),
        (BUILD_INFO + b"swap_group_wake_bytes 1\n", "not an exposition of metrics"),
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
