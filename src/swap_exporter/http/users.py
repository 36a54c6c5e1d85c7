"""Basic authentication with bcrypt, for basic_auth_users of web.yml."""

import binascii
import hashlib
import hmac
import os
import re
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from swap_exporter.config.mistakes import quoted
from swap_exporter.http.fair_semaphore import FairSemaphore

BCRYPT_HASH = re.compile(r"\$2[abxy]?\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_MAX_CACHED = 100
_BCRYPT_BYTES = 72
_HIGH_COST = 14
"""A check of this bcrypt cost takes about a second of CPU."""
_SHOWN_NAMES = 3
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Users:
    """Checks user names and passwords.

    Caches the latest correct passwords as keyed digests: bcrypt at every scrape would cost more than the
    sample.
    """

    def __init__(self, hashes: Mapping[str, str], max_waiting: int = 128) -> None:
        """`hashes`: bcrypt hashes by user name, at least one. `max_waiting`: checks that may wait."""
        # Optional dependency, needed only with users.
        from bcrypt import checkpw, gensalt

        self._checkpw = checkpw
        self._hashes = {name: _canonical(value).encode() for name, value in hashes.items()}
        # No password has this hash. The lowest cost, so that a guessed name costs no more than a password.
        self._hash_of_unknown_users = gensalt(min(map(_cost, hashes.values()))) + b"." * 31
        self._pepper = os.urandom(32)
        self._cached: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()
        # One check at a time: password guessing takes one core at most.
        self._check_slot = FairSemaphore(1, max_waiting)

    def authenticate(self, authorization: str, deadline: float, client: str = "") -> str | None:
        """The user's name, from the value of the Authorization header; None if name or password is wrong.

        A check waits for its turn until `deadline`, on the monotonic clock. `client`: address of the client.
        Raises OverloadedError.
        """
        name, password = _credentials(authorization)
        if name is None:
            return None
        # Unknown names are checked too, or the response time would show which names exist.
        known = name in self._hashes
        expected = self._hashes.get(name, self._hash_of_unknown_users)
        digest = hmac.digest(self._pepper, b"\0".join((name.encode(), expected, password)), hashlib.sha256)
        if known and self._is_cached(digest):
            return name
        with self._check_slot.acquire(client, deadline):
            # Another request with the same password may have been checked meanwhile.
            if known and self._is_cached(digest):
                return name
            if not self._checkpw(password[:_BCRYPT_BYTES], expected) or not known:
                return None
            self._cache(digest)
        return name

    def _is_cached(self, digest: bytes) -> bool:
        with self._lock:
            if digest not in self._cached:
                return False
            self._cached.move_to_end(digest)
            return True

    def _cache(self, digest: bytes) -> None:
        with self._lock:
            self._cached[digest] = None
            if len(self._cached) > _MAX_CACHED:
                self._cached.popitem(last=False)


def cost_warnings(hashes: Mapping[str, str]) -> tuple[str, ...]:
    """Warnings about the bcrypt costs of these hashes by user name, one line each."""
    costs = {name: _cost(value) for name, value in hashes.items()}
    warnings = []
    if len(set(costs.values())) > 1:
        warnings.append(
            f"basic_auth_users: bcrypt costs from {min(costs.values())} to {max(costs.values())}: the time "
            "of a refusal shows which user names exist; use the same cost for all users"
        )
    high = [f"{quoted(name)} ({cost})" for name, cost in costs.items() if cost > _HIGH_COST]
    if high:
        more = f" and {len(high) - _SHOWN_NAMES} more" if len(high) > _SHOWN_NAMES else ""
        warnings.append(
            f"basic_auth_users: bcrypt cost above {_HIGH_COST} for {', '.join(high[:_SHOWN_NAMES])}{more}: "
            "each check of a password takes a core for seconds, and others wait; 10 to 12 is enough"
        )
    return tuple(warnings)


def _cost(value: str) -> int:
    return int(value.split("$")[2])


def _canonical(value: str) -> str:
    """The hash in the form that the bcrypt package accepts.

    Go treats all prefixes as the same algorithm. The last character of the salt has two significant bits; Go
    ignores the other four, while bcrypt refuses the hash unless they are 0.
    """
    cost, rest = value.split("$")[2:]
    last = _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(rest[21]) & 0b110000]
    return f"$2b${cost}${rest[:21]}{last}{rest[22:]}"


def _credentials(authorization: str) -> tuple[str, bytes] | tuple[None, bytes]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        name, colon, password = b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else (None, b"")
    except (binascii.Error, ValueError):
        return None, b""
