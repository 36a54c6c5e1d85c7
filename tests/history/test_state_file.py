"""The state file: what was saved comes back; what is of no use is left aside with one line."""

import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.history.history import History
from swap_exporter.history.state_file import StateFileError, load, save
from swap_exporter.settings import Configuration
from tests.making import MIB, grouping, instant, member, process, sample

BOOT = "0f5a7c2e-1c8b-4b57-9b51-0d4f6f1c1d11"


@pytest.fixture
def memory():
    history = History(Configuration())
    readings = [(1000, 1.0, 0), (1015, 3.0, 60 * MIB), (1030, 3.0, 90 * MIB)]
    for second, cpu, swap in readings:
        members = [
            member(process(cpu=cpu, swap=swap, timeslices=round(cpu))),
            member(process(11, swap=swap)),
        ]
        history.observe(sample(second, [each.process for each in members]), grouping(members))
    return history.persisted_state()


def test_what_was_saved_comes_back(tmp_path, memory):
    path = str(tmp_path / "state")
    save(path, memory, BOOT)
    assert load(path, BOOT, instant(1100)) == memory


def test_a_state_is_private_and_leaves_no_temporary_file(tmp_path, memory):
    save(str(tmp_path / "state"), memory, BOOT)
    save(str(tmp_path / "state"), memory, BOOT)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o600


def test_one_of_another_boot_is_left_aside(tmp_path, memory):
    save(str(tmp_path / "state"), memory, BOOT)
    with pytest.raises(StateFileError, match="is of another boot of this machine"):
        load(str(tmp_path / "state"), "another", instant(1100))


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (instant(1030 + 3601), "3601 s old, expected 0 to 3600 s"),
        (instant(1100, suspended=36000), "36070 s old"),
        (instant(1000), "-30 s old"),
    ],
    ids=["older than an hour", "an hour of it in suspend", "from the future"],
)
def test_one_that_is_too_old_is_left_aside(tmp_path, memory, now, age):
    save(str(tmp_path / "state"), memory, BOOT)
    with pytest.raises(StateFileError, match=age):
        load(str(tmp_path / "state"), BOOT, now)


def test_a_clock_step_does_not_make_it_old(tmp_path, memory):
    save(str(tmp_path / "state"), memory, BOOT)
    assert load(str(tmp_path / "state"), BOOT, instant(1100, stepped=86400)) == memory


def test_there_may_be_none(tmp_path):
    with pytest.raises(StateFileError, match=r"state: there is none yet$"):
        load(str(tmp_path / "state"), BOOT, instant(0))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"format": 2}',
        b'{"format":2,"boot_id":"%s","at":[1,2],"watching_since":[],"levels":[],"watches":[]}'
        % BOOT.encode(),
        b'{"format":2,"boot_id":"%s","at":[1,1,1],"watching_since":[],"levels":[],"watches":[[1]]}'
        % BOOT.encode(),
    ],
    ids=["empty", "not text", "no object", "cut", "deep", "no fields", "a short time", "a short watch"],
)
def test_a_broken_one_is_left_aside(tmp_path, content):
    (tmp_path / "state").write_bytes(content)
    with pytest.raises(StateFileError, match="is not a state file that this version wrote"):
        load(str(tmp_path / "state"), BOOT, instant(2))


def test_one_of_a_later_format_is_left_aside(tmp_path):
    (tmp_path / "state").write_text(json.dumps({"format": 3}))
    with pytest.raises(StateFileError, match="is of format 3, expected 2"):
        load(str(tmp_path / "state"), BOOT, instant(0))


def test_a_folder_that_is_not_there_is_named(tmp_path, memory):
    path = str(tmp_path / "nowhere" / "state")
    with pytest.raises(StateFileError, match=r"nowhere/state: cannot be written: No such file or directory"):
        save(path, memory, BOOT)


def content_of(memory):
    """What is saved, as a document that a test can spoil."""
    with tempfile.TemporaryDirectory() as directory:
        save(f"{directory}/state", memory, BOOT)
        return json.loads(Path(directory, "state").read_text())


SWAPPED = ("watches", 0, 13)
HUGE = "1" + "0" * 400
FOREIGN = [
    "Infinity",
    "-Infinity",
    "NaN",
    "1e400",
    HUGE,
    "9" * 5000,
    "true",
    "null",
    '"7"',
    "[]",
    "{}",
    "-1e300",
]
PLACES = [
    ("at", 0),
    ("at", 1),
    ("at", 2),
    ("watching_since", 0, 0),
    ("watching_since", 0, 1, 0),
    ("watches", 0, 0),
    ("watches", 0, 1),
    ("watches", 0, 2, 0),
    ("watches", 0, 2, 2),
    ("watches", 0, 3),
    ("watches", 0, 4, 0),
    ("watches", 0, 4, 3, 1),
    ("watches", 0, 5),
    ("watches", 0, 6),
    ("watches", 0, 7, 2),
    ("watches", 0, 8),
    ("watches", 0, 9, 1),
    ("watches", 0, 12),
    ("watches", 0, 13),
    ("levels", 0, 1),
    ("levels", 0, 2),
    ("format",),
]


def spoiled(document, place, text):
    """The document with ``text`` in place of one value."""
    *path, last = place
    inner = document
    for step in path:
        inner = inner[step]
    inner[last] = "@"
    return json.dumps(document).replace('"@"', text)


@pytest.mark.parametrize(
    ("place", "text"),
    # The last is the one place for a truth value.
    [(place, text) for place in PLACES for text in FOREIGN if (place, text) != (SWAPPED, "true")],
)
def test_a_value_of_another_kind_or_size_leaves_it_aside(tmp_path, memory, place, text):
    (tmp_path / "state").write_text(spoiled(content_of(memory), place, text))
    with pytest.raises(StateFileError) as left_aside:
        load(str(tmp_path / "state"), BOOT, instant(1100))
    assert str(left_aside.value).startswith(f"{tmp_path}/state: ")
    assert "\n" not in str(left_aside.value)
    assert len(str(left_aside.value)) < 300


@pytest.mark.parametrize(
    "place", [("watching_since", 0, 1, 0), ("watches", 0, 2, 0), ("watches", 0, 3)], ids=str
)
def test_a_time_after_the_last_sample_leaves_it_aside(tmp_path, memory, place):
    """It would count as unknown until that time has come."""
    (tmp_path / "state").write_text(spoiled(content_of(memory), place, "1031"))
    with pytest.raises(StateFileError, match="expected"):
        load(str(tmp_path / "state"), BOOT, instant(1100))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (Path.mkdir, "is not a regular file"),
        (
            lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_RDWR), 1 << 40),
            "is larger than 8388608 bytes",
        ),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
    ids=["a pipe", "a link to /dev/zero", "a directory", "a terabyte", "a loop of links"],
)
def test_what_is_not_a_small_regular_file_is_left_aside_at_once(tmp_path, make, reason):
    """In a process of its own, which may neither wait nor take memory."""
    path = tmp_path / "state"
    make(path)
    script = (
        "import sys\n"
        "from swap_exporter.history.state_file import StateFileError, load\n"
        "from swap_exporter.sampling.clock import now\n"
        "try: load(sys.argv[1], '', now())\n"
        "except StateFileError as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, path],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{path}: {reason}\n", "")


def test_more_than_can_be_read_again_is_not_written(tmp_path, memory, monkeypatch):
    save(str(tmp_path / "state"), memory, BOOT)
    old = (tmp_path / "state").read_bytes()
    monkeypatch.setattr("swap_exporter.history.state_file.MAX_BYTES", len(old) - 1)
    with pytest.raises(StateFileError, match=f"would have {len(old)} bytes, expected at most {len(old) - 1}"):
        save(str(tmp_path / "state"), memory, BOOT)
    assert (tmp_path / "state").read_bytes() == old


@given(st.binary())
def test_nothing_in_the_file_raises_anything_else(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("state") / "state"
    path.write_bytes(content)
    with pytest.raises(StateFileError):
        load(str(path), BOOT, instant(0))
