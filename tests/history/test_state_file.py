"""The state file: what was saved comes back; what is of no use is left aside with one line."""

import json
import stat

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
        members = [member(process(cpu=cpu, swap=swap)), member(process(11, swap=swap))]
        history.observe(sample(second, [each.process for each in members]), grouping(members))
    return history.memory()


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


@given(st.binary())
def test_nothing_in_the_file_raises_anything_else(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("state") / "state"
    path.write_bytes(content)
    with pytest.raises(StateFileError):
        load(str(path), BOOT, instant(0))
