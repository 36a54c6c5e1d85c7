import time
from base64 import b64encode
from threading import Event, Semaphore, Thread

import bcrypt
import pytest

from swap_exporter.http.fair_semaphore import OverloadedError
from swap_exporter.http.users import Users, cost_warnings

# Of a cost that no check here would survive.
DEAR = "$2b$18$" + "." * 53


def hashed(password: bytes, cost: int = 4) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode()


def basic(name: str, password: bytes) -> str:
    return "Basic " + b64encode(name.encode() + b":" + password).decode()


def soon() -> float:
    return time.monotonic() + 10


class Counting:
    """bcrypt's checkpw, with the costs of the hashes it was asked to check."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.costs: list[int] = []
        check = bcrypt.checkpw

        def checkpw(password: bytes, expected: bytes) -> bool:
            self.costs.append(int(expected.split(b"$")[2]))
            return check(password, expected)

        monkeypatch.setattr(bcrypt, "checkpw", checkpw)


def test_unknown_users_cost_one_check_as_known_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    users = Users({"alice": hashed(b"secret", cost=5)})
    for name in ("alice", "alice", "bob", "bob", ""):
        assert users.authenticate(basic(name, b"wrong"), soon()) is None
    assert counting.costs == [5] * 5


def test_an_unknown_user_costs_a_check_of_the_cheapest_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    users = Users({"alice": hashed(b"secret", cost=6), "bob": hashed(b"other", cost=4), "carol": DEAR})
    for number in range(20):
        assert users.authenticate(basic(f"nobody{number}", b"secret"), soon()) is None
    assert counting.costs == [4] * 20


def test_no_password_of_a_user_lets_an_unknown_one_in() -> None:
    passwords = [b"", b"secret", b"other"]
    users = Users({"alice": hashed(b"secret"), "bob": hashed(b"other")})
    assert [users.authenticate(basic("carol", password), soon()) for password in passwords] == [None] * 3


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([10, 10], []),
        ([14], []),
        ([10, 12], ["bcrypt costs from 10 to 12: "]),
        ([15], ['bcrypt cost above 14 for "user0" (15): ']),
        ([10, 18], ["bcrypt costs from 10 to 18: ", 'bcrypt cost above 14 for "user1" (18): ']),
        ([16] * 5, ['bcrypt cost above 14 for "user0" (16), "user1" (16), "user2" (16) and 2 more: ']),
    ],
)
def test_costs_that_differ_or_are_too_high_are_warned_about(costs: list[int], expected: list[str]) -> None:
    hashes = {f"user{n}": DEAR.replace("$18$", f"${cost}$") for n, cost in enumerate(costs)}
    warnings = cost_warnings(hashes)
    assert len(warnings) == len(expected)
    for warning, beginning in zip(warnings, expected, strict=True):
        assert warning.startswith(f"basic_auth_users: {beginning}")


@pytest.mark.parametrize("prefix", ["$2$", "$2a$", "$2b$", "$2x$", "$2y$"])
def test_every_prefix_means_the_same_algorithm(prefix: str) -> None:
    users = Users({"alice": hashed(b"secret").replace("$2b$", prefix)})
    assert users.authenticate(basic("alice", b"secret"), soon()) == "alice"
    assert users.authenticate(basic("alice", b"Secret"), soon()) is None


def test_unused_bits_of_a_salt_do_not_matter() -> None:
    """Go and PHP take any; bcrypt itself raises an error for all but 0."""
    value = hashed(b"secret")
    alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    last = alphabet[alphabet.index(value[28]) + 15]
    users = Users({"alice": value[:28] + last + value[29:], "bob": "$2y$04$" + "a" * 53})
    assert users.authenticate(basic("alice", b"secret"), soon()) == "alice"
    assert users.authenticate(basic("alice", b"Secret"), soon()) is None
    assert users.authenticate(basic("bob", b"secret"), soon()) is None


def test_an_unknown_user_is_not_let_in_with_the_password_it_is_checked_against() -> None:
    users = Users({"alice": hashed(b"secret")})
    assert users.authenticate(basic("bob", b"secret"), soon()) is None
    assert users.authenticate(basic("bob", b"secret"), soon()) is None


def test_a_password_that_was_right_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    users = Users({"alice": hashed(b"secret")})
    for _ in range(3):
        assert users.authenticate(basic("alice", b"secret"), soon()) == "alice"
    assert len(counting.costs) == 1
    assert users.authenticate(basic("alice", b"Secret"), soon()) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    users = Users({f"user{n}": hashed(b"secret") for n in range(150)})
    for n in range(150):
        assert users.authenticate(basic(f"user{n}", b"secret"), soon())
    assert users.authenticate(basic("user149", b"secret"), soon())
    assert len(counting.costs) == 150
    assert users.authenticate(basic("user0", b"secret"), soon())
    assert len(counting.costs) == 151


@pytest.mark.parametrize("password", [b"x" * 100, b"a\0b", b"\xff\xfe", "pässword".encode()])
def test_any_bytes_can_be_tried(password: bytes) -> None:
    users = Users({"alice": hashed(b"secret"), "long": hashed(b"x" * 72)})
    assert users.authenticate(basic("alice", password), soon()) is None


def test_a_long_password_counts_by_its_first_72_bytes() -> None:
    users = Users({"alice": hashed(b"x" * 72)})
    assert users.authenticate(basic("alice", b"x" * 100), soon()) == "alice"


def test_a_hash_of_htpasswd_is_understood() -> None:
    users = Users({"alice": hashed(b"secret").replace("$2b$", "$2y$")})
    assert users.authenticate(basic("alice", b"secret"), soon()) == "alice"


class Blocking:
    """bcrypt's checkpw, in which whoever is inside stays until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered, self.go = Event(), Event()

        def checkpw(password: bytes, expected: bytes) -> bool:
            self.entered.set()
            return self.go.wait(60) and False

        monkeypatch.setattr(bcrypt, "checkpw", checkpw)


def test_a_check_that_cannot_begin_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    blocking = Blocking(monkeypatch)
    users = Users({"alice": hashed(b"secret")})
    guess = Thread(target=users.authenticate, args=(basic("alice", b"wrong"), soon()))
    guess.start()
    assert blocking.entered.wait(60)
    with pytest.raises(OverloadedError):
        users.authenticate(basic("alice", b"secret"), time.monotonic() + 0.01)
    blocking.go.set()
    guess.join(60)


def test_a_password_that_another_request_shows_meanwhile_is_not_checked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counting = Counting(monkeypatch)
    users = Users({"alice": hashed(b"secret", cost=8)})
    answers: list[str | None] = []
    requests = [
        Thread(target=lambda: answers.append(users.authenticate(basic("alice", b"secret"), soon())))
        for _ in range(20)
    ]
    for each in requests:
        each.start()
    for each in requests:
        each.join(60)
    assert answers == ["alice"] * 20
    assert len(counting.costs) == 1


def test_guesses_that_wait_are_bounded_and_do_not_keep_out_another_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocking = Blocking(monkeypatch)
    users = Users({"alice": hashed(b"secret")})
    refused, checked = Semaphore(0), Semaphore(0)

    def ask(client: str) -> None:
        try:
            users.authenticate(basic("alice", b"wrong"), time.monotonic() + 60, client)
            checked.release()
        except OverloadedError:
            refused.release()

    guesses = [Thread(target=ask, args=("192.0.2.1",)) for _ in range(200)]
    for each in guesses:
        each.start()
    assert all(refused.acquire(timeout=30) for _ in range(200 - 1 - 128))
    assert not refused.acquire(blocking=False)
    other = Thread(target=ask, args=("192.0.2.2",))
    other.start()
    assert refused.acquire(timeout=30)  # a guess, for it
    blocking.go.set()
    for each in (*guesses, other):
        each.join(30)
    assert all(checked.acquire(blocking=False) for _ in range(1 + 128))
