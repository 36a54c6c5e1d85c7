"""What a person waits for: SwapPss of all processes at once, and swap-in where it is measured."""

from dataclasses import replace

import pytest

from swap_exporter.details.on_demand import OnDemandReader
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings import Proportional
from tests.sampling.tree import Tree

KIB = 1024


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


COLLECTORS = frozenset({"proportional", "taskstats"})


def details_of_two_samples(tree, settings=None, track=lambda processes, _: processes):
    root = str(tree.root)
    reader = OnDemandReader(root, root, settings or Proportional(), now, COLLECTORS, track)
    for _ in range(2):
        sample = Scanner(root).scan(now)
        yield reader.read(sample, (), sample.processes.values(), ())


def known(tree, settings=None):
    """SwapPss in KiB by pid, and how many were to be read."""
    announced = []

    def track(processes, number):
        announced.append(number)
        return processes

    first, second = details_of_two_samples(tree, settings, track)
    assert first.proportional_swap == {}
    [number] = announced
    return {pid: size // KIB for (pid, _), size in second.proportional_swap.items()}, number


def share(tree, pid, kib):
    tree.write(f"{pid}/smaps_rollup", b"0-1 ---p 0 00:00 0 [rollup]\nSwapPss:   %d kB\n" % kib)


def test_each_share_is_read_at_once(tree):
    for pid in (10, 11, 12):
        tree.process(pid, swap_kib=100)
        share(tree, pid, 30 + pid)
    assert known(tree) == ({10: 40, 11: 41, 12: 42}, 3)


def test_who_has_nothing_in_swap_is_not_read(tree):
    tree.process(10, swap_kib=0)
    assert known(tree) == ({}, 0)


@pytest.mark.parametrize("content", [None, b"Rss: 1 kB\n"])
def test_one_that_cannot_be_read_takes_no_other_with_it(tree, content):
    tree.process(10, swap_kib=100)
    if content is not None:
        tree.write("10/smaps_rollup", content)
    tree.process(11, swap_kib=100)
    share(tree, 11, 50)
    assert known(tree) == ({11: 50}, 2)


def test_one_that_is_larger_than_allowed_is_not_read(tree):
    tree.process(10, swap_kib=100, pages=25)
    share(tree, 10, 50)
    assert known(tree, Proportional(max_process_bytes=200 * KIB)) == ({10: 50}, 1)
    assert known(tree, Proportional(max_process_bytes=199 * KIB)) == ({}, 0)


def test_a_daemon_that_may_spend_no_time_on_it_does_not_keep_a_person_from_asking(tree):
    tree.process(10, swap_kib=100)
    share(tree, 10, 50)
    assert known(tree, replace(Proportional(), share_of_time=0.0)) == ({10: 50}, 1)


def test_where_swap_in_is_not_measured_nothing_is_known(tree):
    tree.process(10)
    tree.write("sys/kernel/task_delayacct", b"0\n")
    assert [details.delays for details in details_of_two_samples(tree)] == [None, None]
