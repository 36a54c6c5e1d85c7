"""Netlink and taskstats, on this kernel and as other kernels lay the struct out."""

import os
import socket
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.kernel import netlink, taskstats
from swap_exporter.kernel.errors import Denied, KernelFileError, MalformedFile, Unavailable, Vanished
from swap_exporter.kernel.netlink import BATCH, GenericNetlink
from swap_exporter.kernel.taskstats import TaskDelays, TaskStats
from tests.require import require
from tests.sampling.children import become_nobody, forked


def stats(version: int, length: int, **counts: tuple[int, int]) -> bytes:
    """A struct taskstats: count and nanoseconds by the name of the delay; for "run" real and virtual time."""
    shift = {"blkio": 16, "swapin": 32, "run": 48, "freepages": 48, "wpcopy": 96} if version == 15 else {}
    places = {"cpu": 16, "blkio": 32, "swapin": 48, "run": 64, "freepages": 312, "wpcopy": 400}
    raw = bytearray(length)
    struct.pack_into("=H", raw, 0, version)
    for name, (count, nanoseconds) in counts.items():
        struct.pack_into("=QQ", raw, places[name] + shift.get(name, 0), count, nanoseconds)
    return bytes(raw)


LENGTHS = {11: 368, 12: 400, 13: 416, 14: 432, 15: 560, 16: 560, 17: 688, 99: 4000}


@pytest.mark.parametrize(("version", "length"), LENGTHS.items())
def test_every_version_that_counts_pages(version: int, length: int) -> None:
    raw = stats(version, length, cpu=(7, 100), blkio=(3, 5_000), swapin=(24_447, 19), run=(4_000, 3_900))
    assert taskstats.parse(raw) == TaskDelays(24_447, 4_000, 5_000, True)
    running = stats(version, length, cpu=(7, 100), run=(4_000, 3_900))
    assert taskstats.parse(running) == TaskDelays(0, 4_000, 0, False)


@pytest.mark.parametrize(
    ("version", "kind", "measured"),
    [
        (14, "wpcopy", True),
        (15, "wpcopy", True),
        (16, "wpcopy", True),
        (14, "freepages", True),
        (15, "freepages", True),
    ],
)
def test_any_delay_proves_that_it_is_measured(version: int, kind: str, measured: bool) -> None:
    assert taskstats.parse(stats(version, LENGTHS[version], **{kind: (1, 1)})).measured is measured


@pytest.mark.parametrize("version", [0, 1, 8, 10])
def test_versions_that_count_waits_and_not_pages_are_refused(version: int) -> None:
    with pytest.raises(Unavailable, match=f"TASKSTATS: version {version} counts waits"):
        taskstats.parse(stats(version, 352))


@pytest.mark.parametrize("raw", [b"", b"\x10", stats(16, 407), stats(15, 503), stats(11, 319), stats(99, 64)])
def test_a_struct_too_short_for_its_version_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="TASKSTATS"):
        taskstats.parse(raw)


@given(st.binary(max_size=700))
def test_any_bytes_are_a_value_or_refused(raw: bytes) -> None:
    with suppress(KernelFileError):
        taskstats.parse(raw)


@given(st.binary(max_size=200))
def test_attributes_of_any_bytes_end(raw: bytes) -> None:
    with suppress(MalformedFile):
        assert len(netlink.find(raw, 1, 3)) <= len(raw)


def test_an_attribute_is_found_behind_others_and_below_its_flags() -> None:
    raw = struct.pack("=HHB3x", 5, 7, 1) + struct.pack("=HHI", 8, 0x8003, 42)
    assert netlink.find(raw, 3) == struct.pack("=I", 42)
    with pytest.raises(MalformedFile, match="attribute of type 4"):
        netlink.find(raw, 4)


@pytest.fixture
def source() -> TaskStats:
    require(os.geteuid() == 0, "taskstats needs CAP_NET_ADMIN")
    try:
        return TaskStats()
    except KernelFileError as error:
        require(False, str(error))
        raise


def test_each_process_has_its_answer_and_ended_ones_none(source: TaskStats) -> None:
    children = [os.posix_spawn("/bin/sleep", ["sleep", "60"], os.environ) for _ in range(3)]
    try:
        os.kill(children[0], 9)
        os.waitpid(children[0], 0)
        for read in (source.read, source.leaders):
            assert set(read(children)) == set(children[1:])
        assert source.read([]) == {}
    finally:
        for child in children[1:]:
            os.kill(child, 9)
            os.waitpid(child, 0)
        source.close()


@pytest.mark.parametrize("room", [1, 20_000, None])
def test_nothing_is_lost_or_mixed_up_however_little_room_there_is(
    source: TaskStats, monkeypatch: pytest.MonkeyPatch, room: int | None
) -> None:
    """The kernel's least is 2304 bytes: an answer is refused when what lies there already fills that."""
    me, nobody = os.getpid(), 2**22 + 1
    asked = [me if number % 3 else nobody - number for number in range(5 * BATCH)]
    family = GenericNetlink("TASKSTATS")
    if room is not None:
        family._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    answers = list(family.ask(1, 2, asked))
    family.close()
    assert [value for value, _ in answers] == [me] * asked.count(me)
    for _, attributes in answers:
        aggregate = netlink.find(attributes, 5)
        assert netlink.find(aggregate, 2) == struct.pack("=I", me)


def test_an_answer_to_an_earlier_question_is_left_aside(source: TaskStats) -> None:
    """The first was not read to its end."""
    family = GenericNetlink("TASKSTATS")
    parent, me = os.getppid(), os.getpid()
    next(family.ask(1, 2, [parent] * 10))
    assert [value for value, _ in family.ask(1, 2, [me])] == [me]
    family.close()


def test_a_family_that_is_not_there_has_vanished() -> None:
    with pytest.raises(Vanished, match="NOTHING: not there"):
        GenericNetlink("NOTHING")


def test_denied_without_the_capability() -> None:
    require(os.geteuid() == 0, "needs root, to become nobody")

    def check() -> None:
        become_nobody()
        before = os.listdir("/proc/self/fd")
        source = TaskStats()
        for _ in range(2):
            with pytest.raises(Denied, match="TASKSTATS: permission denied"):
                source.read([os.getpid()] * 2 * BATCH)
        source.close()
        assert os.listdir("/proc/self/fd") == before

    forked(check)


def test_no_descriptor_is_left(source: TaskStats) -> None:
    source.close()
    before = os.listdir("/proc/self/fd")
    TaskStats().close()
    with suppress(Vanished):
        GenericNetlink("NOTHING")
    assert os.listdir("/proc/self/fd") == before
