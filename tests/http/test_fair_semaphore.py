import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from swap_exporter.http.fair_semaphore import FairSemaphore, OverloadedError

GENEROUS = 10.0


class Lines:
    """Threads that wait for a slot, in a known order. `serve_all` lets one after the other have it."""

    def __init__(self, semaphore: FairSemaphore) -> None:
        self._semaphore = semaphore
        self._threads: list[threading.Thread] = []
        self._go = threading.Semaphore(0)
        self._came = threading.Semaphore(0)
        self.served: list[str] = []
        self.refused: list[str] = []

    def join(self, client: str, name: str = "") -> None:
        """Returns when the client is in its queue, or was refused."""
        before = self._waiting()
        thread = threading.Thread(target=self._ask, args=(client, name or client))
        thread.start()
        self._threads.append(thread)
        until = time.monotonic() + GENEROUS
        while thread.is_alive() and self._waiting() == before and not self.refused:
            assert time.monotonic() < until
            time.sleep(0.001)

    def _waiting(self) -> list[int]:
        return [id(place) for line in self._semaphore._queues.values() for place in line]

    def _ask(self, client: str, name: str) -> None:
        try:
            with self._semaphore.acquire(client, time.monotonic() + 6 * GENEROUS):
                self.served.append(name)
                self._came.release()
                assert self._go.acquire(timeout=GENEROUS)
        except OverloadedError:
            self.refused.append(name)

    def serve_all(self) -> list[str]:
        for _ in range(len(self._threads) - len(self.refused)):
            assert self._came.acquire(timeout=GENEROUS)
            self._go.release()
        for thread in self._threads:
            thread.join(GENEROUS)
            assert not thread.is_alive()
        return self.served


@contextmanager
def taken(semaphore: FairSemaphore, client: str = "somebody") -> Iterator[Lines]:
    """The only turn is taken until the end of the context."""
    with semaphore.acquire(client, time.monotonic()):
        yield Lines(semaphore)


@pytest.mark.parametrize(
    ("clients", "served"),
    [
        (["a1", "a2", "a3"], ["a1", "a2", "a3"]),
        (["a1", "a2", "a3", "b1"], ["a1", "b1", "a2", "a3"]),
        (["a1", "a2", "b1", "b2", "c1"], ["a1", "b1", "c1", "a2", "b2"]),
    ],
)
def test_addresses_are_served_in_rotation_and_each_in_its_order(
    clients: Sequence[str], served: Sequence[str]
) -> None:
    with taken(FairSemaphore(1)) as lines:
        for name in clients:
            lines.join(f"192.0.2.{ord(name[0])}", name)
    assert lines.serve_all() == served


def test_an_address_that_comes_again_does_not_pass_one_that_waits() -> None:
    semaphore = FairSemaphore(1)
    with taken(semaphore) as lines:
        lines.join("192.0.2.1", "first")
        lines.join("192.0.2.1", "second")
        lines.join("192.0.2.2", "other")
    assert lines._came.acquire(timeout=GENEROUS)
    assert lines.served == ["first"]
    lines.join("192.0.2.1", "third")
    lines._came.release()
    assert lines.serve_all() == ["first", "other", "second", "third"]


@pytest.mark.parametrize(
    ("one", "other", "same_line"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("unix", "unix", True),
    ],
)
def test_the_addresses_of_one_host_share_a_line(one: str, other: str, same_line: bool) -> None:
    with taken(FairSemaphore(1)) as lines:
        lines.join(one, "one")
        lines.join(one, "one again")
        lines.join(other, "other")
    last = "other" if same_line else "one again"
    assert lines.serve_all()[-1] == last


def test_a_turn_that_does_not_come_in_time_is_given_up_and_costs_none() -> None:
    semaphore = FairSemaphore(1)
    with taken(semaphore) as lines:
        lines.join("192.0.2.1")
        with pytest.raises(OverloadedError), semaphore.acquire("192.0.2.1", time.monotonic() + 0.01):
            pytest.fail("it is taken")
    assert lines.serve_all() == ["192.0.2.1"]
    with semaphore.acquire("192.0.2.1", time.monotonic()):
        pass


def test_a_turn_that_fails_is_passed_on() -> None:
    semaphore = FairSemaphore(1)
    with pytest.raises(ValueError, match="broken"), semaphore.acquire("192.0.2.1", time.monotonic()):
        raise ValueError("broken")
    with semaphore.acquire("192.0.2.1", time.monotonic()):
        pass


def test_no_more_than_allowed_have_a_turn_at_a_time() -> None:
    semaphore, lock, most, at_once = FairSemaphore(3), threading.Lock(), 0, 0

    def run(number: int) -> None:
        nonlocal most, at_once
        for _ in range(20):
            with semaphore.acquire(f"192.0.2.{number % 4}", time.monotonic() + 6 * GENEROUS):
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                time.sleep(0.0005)
                with lock:
                    at_once -= 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(6 * GENEROUS)
    assert (most, at_once) == (3, 0)


@pytest.mark.parametrize(
    ("waiting", "comes", "refused"),
    [
        (["a1", "a2", "a3", "a4"], "a5", "a5"),
        (["a1", "a2", "a3", "a4"], "b1", "a4"),
        (["a1", "a2", "b1", "b2"], "c1", "a2"),
        (["a1", "a2", "a3", "b1"], "b2", "a3"),
        (["a1", "a2", "b1", "c1"], "b2", "b2"),
        (["a1", "b1", "c1", "d1"], "e1", "e1"),
    ],
)
def test_where_too_many_wait_the_longest_line_loses_its_last(
    waiting: Sequence[str], comes: str, refused: str
) -> None:
    with taken(FairSemaphore(1, max_waiting=4)) as lines:
        for name in (*waiting, comes):
            lines.join(f"192.0.2.{ord(name[0])}", name)
        until = time.monotonic() + GENEROUS
        while not lines.refused:
            assert time.monotonic() < until
            time.sleep(0.001)
    assert lines.refused == [refused]
    assert sorted(lines.serve_all()) == sorted({*waiting, comes} - {refused})
