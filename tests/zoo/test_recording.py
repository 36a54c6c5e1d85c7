"""Recordings: what is written is what is read, also when the recorder was killed."""

import gzip
from pathlib import Path

import pytest

from tests.zoo.recording import FIELDS, HOST_FIELDS, VERSION, Writer, load

STATE = FIELDS.index("state")


def write(path: Path) -> Writer:
    writer = Writer(path, {"clock_ticks": 100, "families": {"pool": "pool:.*"}})
    writer.write("p", 0, 4711, 12345, "pool", "worker", "python")
    row = [0, (1 << len(FIELDS)) - 1, *range(100, 100 + len(FIELDS))]
    row[2 + STATE] = ord("S")
    writer.write("s", 5000, 250, list(range(len(HOST_FIELDS))), [row])
    writer.write("s", 6000, 250, [1] * len(HOST_FIELDS), [[0, 1 << STATE | 1, 3, ord("R") - ord("S")]])
    return writer


def test_samples_are_sums_of_differences(tmp_path: Path) -> None:
    write(tmp_path / "a.gz").close()
    first, second = load(tmp_path / "a.gz").samples
    assert (first.monotonic, first.boottime) == (5.0, 5.25)
    assert (first.readings[0].utime, first.readings[0].state) == (100, "S")
    assert (second.readings[0].utime, second.readings[0].state) == (103, "R")
    assert second.readings[0].vm_swap == first.readings[0].vm_swap == 100 + FIELDS.index("vm_swap")
    assert (first.host["pswpout"], second.host["pswpout"]) == (1, 2)


def test_a_process_that_ended_is_in_no_later_sample(tmp_path: Path) -> None:
    writer = write(tmp_path / "a.gz")
    writer.write("x", 7000, 0)
    writer.write("s", 7000, 250, [0] * len(HOST_FIELDS), [])
    writer.close()
    samples = load(tmp_path / "a.gz").samples
    assert [set(sample.readings) for sample in samples] == [{0}, {0}, set()]


def test_an_answer_knows_its_latency_without_the_hold(tmp_path: Path) -> None:
    writer = write(tmp_path / "a.gz")
    writer.write("a", "pool", 0, 5500, 90, 5, 25, 60, 300, 200)
    writer.close()
    (answer,) = load(tmp_path / "a.gz").answers
    assert answer.latency == pytest.approx(0.03)
    assert (answer.swap, answer.anonymous) == (300 << 10, 200 << 10)


def test_the_last_known_role_counts(tmp_path: Path) -> None:
    writer = write(tmp_path / "a.gz")
    writer.write("p", 0, 4711, 12345, "pool", "master", "python")
    writer.close()
    assert [process.role for process in load(tmp_path / "a.gz").processes] == ["master"]


def test_what_was_flushed_is_read_after_a_kill(tmp_path: Path) -> None:
    writer = write(tmp_path / "a.gz")
    writer.flush()
    raw = (tmp_path / "a.gz").read_bytes()
    with pytest.raises(EOFError):
        gzip.decompress(raw)
    assert len(load(tmp_path / "a.gz").samples) == 2


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="no recording"):
        load(tmp_path / "a.gz")


def test_another_version_is_refused(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wt") as file:
        file.write(f'{{"version": {VERSION + 1}}}\n')
    with pytest.raises(ValueError, match=f"version {VERSION + 1}"):
        load(tmp_path / "a.gz")
