"""The thread that reads SwapPss, on real processes."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from swap_exporter.details.proportional import ProportionalReader, read_pss
from swap_exporter.details.swap_pss_scheduler import Coverage
from swap_exporter.kernel.errors import Denied, Vanished
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.sample import Process
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings import Proportional
from tests.require import require
from tests.sampling.children import become_nobody, forked, running
from tests.system.waiting import wait_until

GENEROUS = Proportional(share_of_time=1.0)


@pytest.fixture
def make() -> Iterator[Callable[..., ProportionalReader]]:
    """Readers that are stopped after the test."""
    made: list[ProportionalReader] = []

    def make(settings: Proportional = GENEROUS, procfs: str = "/proc") -> ProportionalReader:
        made.append(ProportionalReader(settings, procfs))
        return made[-1]

    yield make
    for reader in made:
        reader.stop()
    assert not threads()


@pytest.fixture
def pair() -> Iterator[list[Process]]:
    """Two processes said to be of one family with something in swap, so that they have to be read."""
    with running("sleep", "60") as one, running("sleep", "60") as other:
        yield [wanted(one.pid), wanted(other.pid)]


def wanted(pid: int) -> Process:
    return Scanner().scan(now).processes[pid]._replace(swap=4096, layout=(1, 2, 3))


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "proportional swap"]


def at() -> float:
    return now().monotonic


def test_values_arrive_between_samples(make: Callable[..., ProportionalReader], pair: list[Process]) -> None:
    reader = make()
    assert reader.observe(pair, pair, at()).coverage == Coverage(0, 0, 2, 0, 0)
    wait_until("both are read", lambda: len(reader.observe(pair, pair, at()).known) == 2)
    known = reader.observe(pair, pair, at()).known
    assert known.keys() == {process.identity for process in pair}
    assert len(threads()) == 1


def test_no_thread_without_anything_to_read(
    make: Callable[..., ProportionalReader], pair: list[Process]
) -> None:
    reader = make()
    reader.observe(pair, [], at())
    reader.observe(pair, [process._replace(swap=0) for process in pair], at())
    assert not threads()


def test_stop_ends_a_long_pause_at_once(make: Callable[..., ProportionalReader], pair: list[Process]) -> None:
    reader = make(Proportional(share_of_time=1e-9))
    reader.observe(pair, pair, at())
    wait_until("the first is read", lambda: len(reader.observe(pair, pair, at()).known) == 1)
    reader.stop()
    assert not threads()
    reader.observe(pair, pair, at())
    assert not threads()


def test_a_reused_pid_is_not_read(make: Callable[..., ProportionalReader], pair: list[Process]) -> None:
    other = pair[0]._replace(start_ticks=pair[0].start_ticks - 1)
    with pytest.raises(Vanished):
        read_pss("/proc", other)
    reader = make()
    processes = [other, pair[1]]
    wait_until("the other is read", lambda: reader.observe(processes, processes, at()).known)
    assert reader.observe(processes, processes, at()).known.keys() == {pair[1].identity}


def test_a_process_that_has_ended_disturbs_nobody(
    make: Callable[..., ProportionalReader], pair: list[Process]
) -> None:
    child = os.posix_spawn("/bin/true", ["true"], os.environ)
    wait_until("a zombie", lambda: wanted(child).ended)
    zombie = wanted(child)
    reader = make()
    processes = [zombie, *pair]
    wait_until("the others are read", lambda: len(reader.observe(processes, processes, at()).known) == 2)
    assert zombie.identity not in reader.observe(processes, processes, at()).known
    os.waitpid(child, 0)
    with pytest.raises(Vanished):
        read_pss("/proc", zombie)


def test_what_is_denied_is_told(pair: list[Process]) -> None:
    require(os.geteuid() == 0, "needs root, to become nobody")

    def check() -> None:
        become_nobody()
        with pytest.raises(Denied):
            read_pss("/proc", pair[0])
        reader = ProportionalReader(GENEROUS)
        wait_until("both are denied", lambda: reader.observe(pair, pair, at()).coverage.denied == 2)
        assert not reader.observe(pair, pair, at()).known
        reader.stop()

    forked(check)


def test_a_broken_file_is_told_as_denied(make: Callable[..., ProportionalReader], tmp_path: Path) -> None:
    target = wanted(os.getpid())._replace(pid=5)
    (tmp_path / "5").mkdir()
    (tmp_path / "5/stat").write_bytes(Path("/proc/self/stat").read_bytes())
    (tmp_path / "5/smaps_rollup").write_bytes(b"?")
    reader = make(procfs=str(tmp_path))
    processes = [target, target._replace(pid=6)]
    wait_until("it is refused", lambda: reader.observe(processes, processes, at()).coverage.denied == 1)


def test_no_descriptor_stays_open(make: Callable[..., ProportionalReader], pair: list[Process]) -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        read_pss("/proc", pair[0])
    with pytest.raises(Vanished):
        read_pss("/proc", pair[0]._replace(start_ticks=0))
    assert os.listdir("/proc/self/fd") == before
