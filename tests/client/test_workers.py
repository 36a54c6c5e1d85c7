"""Reading ``/api/workers``: what the exporter writes comes back, and whatever else is one line."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.client.http import AskError
from swap_exporter.client.workers import Worker, Workers, parse_workers, workers_url
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.web.workers import workers_document
from tests.exposition.test_exposition import assessed
from tests.making import MIB


def test_what_the_exporter_writes_is_read() -> None:
    read = parse_workers("u", workers_document(assessed()))
    assert read.at == 1_001_300
    assert read.by_identity.keys() == {(10, 100), (11, 100), (12, 100)}
    assert read.by_identity[11, 100] == Worker(
        pid=11,
        start_ticks=100,
        group="shop",
        role=Role.WORKER,
        activity=Activity.IDLE,
        swapped=True,
        idle_since=1_001_000,
        swap=100 * MIB,
        displaced=100 * MIB,
    )
    early = parse_workers("u", workers_document(assessed(seconds=30, swap=None))).by_identity[11, 100]
    assert (early.activity, early.idle_since, early.swap, early.displaced) == (
        Activity.UNKNOWN,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:10059/metrics", "http://127.0.0.1:10059/api/workers"),
        ("https://[::1]:10059/metrics?x=y", "https://[::1]:10059/api/workers"),
        ("http://proxy/swap/metrics", "http://proxy/swap/api/workers"),
        ("http://h/api/workers", "http://h/api/workers"),
        ("http://h/swap/api/workers", "http://h/swap/api/workers"),
    ],
)
def test_workers_are_beside_the_metrics(url: str, expected: str) -> None:
    assert workers_url(url) == expected


def test_fields_that_are_added_are_no_matter() -> None:
    content = json.loads(workers_document(assessed())) | {"more": 1}
    content["workers"][0]["more"] = [1]
    assert len(parse_workers("u", json.dumps(content).encode()).by_identity) == 3


def changed(**fields: object) -> bytes:
    content = json.loads(workers_document(assessed()))
    content["workers"][0] |= fields
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the answer is not a list of workers"),
        (b"up 1\n", "the answer is not a list of workers"),
        (b"[]", "the answer is not a list of workers"),
        (b"[" * 100_000, "the answer is not a list of workers"),
        (b'{"version": 1}', "the answer is not a list of workers"),
        (b'{"version": 2}', "answers in version 2 of the format, expected 1"),
        (b'{"version": "2"}', "the answer is not a list of workers"),
        (changed(pid="10"), "the answer is not a list of workers"),
        (changed(pid=True), "the answer is not a list of workers"),
        (changed(pid=-1), "the answer is not a list of workers"),
        (changed(role="owner"), "the answer is not a list of workers"),
        (changed(swap_bytes=10**400), "the answer is not a list of workers"),
        (changed(idle_since=float("inf")), "the answer is not a list of workers"),
        (changed(idle_since=float("nan")), "the answer is not a list of workers"),
        (changed(group=None), "the answer is not a list of workers"),
    ],
)
def test_any_other_answer_is_one_line(body: bytes, problem: str) -> None:
    with pytest.raises(AskError) as raised:
        parse_workers("http://h/api/workers", body)
    assert str(raised.value) == f"http://h/api/workers: {problem}"


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
)
FIELDS = st.sampled_from(["pid", "start_ticks", "group", "role", "activity", "idle_since", "swap_bytes"])


@given(st.dictionaries(FIELDS, VALUES, max_size=3))
def test_any_values_are_read_or_refused(fields: dict[str, object]) -> None:
    with contextlib.suppress(AskError):
        assert isinstance(parse_workers("u", changed(**fields)), Workers)
