"""Basic authentication with bcrypt, as web.yml's basic_auth_users has it."""

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
from swap_exporter.http.turns import Turns

HASH = re.compile(r"\$2[abxy]?\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_REMEMBERED = 100
_BCRYPT_BYTES = 72
_DEAR_COST = 14
"""A check of this bcrypt cost keeps a core busy for about a second."""
_SHOWN_NAMES = 3
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Users:
    """Who may come in.

    Keeps the passwords that were right lately, as keyed digests: bcrypt at every scrape would cost more than
    the sample.
    """

    def __init__(self, hashes: Mapping[str, str], max_waiting: int = 128) -> None:
        """`hashes`: bcrypt by user name; at least one. `max_waiting`: passwords that wait for their check."""
        # Optional dependency: only whoever has users needs it.
        from bcrypt import checkpw, gensalt

        self._checkpw = checkpw
        self._hashes = {name: _canonical(value).encode() for name, value in hashes.items()}
        # No password has this hash. The lowest cost, so that a guessed name costs no more than a password.
        self._hash_of_unknown_users = gensalt(min(map(_cost, hashes.values()))) + b"." * 31
        self._pepper = os.urandom(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()
        # One at a time: guessing takes one core.
        self._turns = Turns(1, max_waiting)

    def authenticate(self, authorization: str, deadline: float, client: str = "") -> str | None:
        """The user's name, from the header's value; None where it or the password is wrong.

        A check waits for its turn until `deadline`, on the monotonic clock. `client`: the address that it is
        for. Raises NoTurnError.
        """
        name, password = _credentials(authorization)
        if name is None:
            return None
        # An unknown name is checked too: otherwise the time of the answer would show which names exist.
        known = name in self._hashes
        expected = self._hashes.get(name, self._hash_of_unknown_users)
        digest = hmac.digest(self._pepper, b"\0".join((name.encode(), expected, password)), hashlib.sha256)
        if known and self._remembers(digest):
            return name
        with self._turns.take(client, deadline):
            # Another request may have shown the same password while this one waited.
            if known and self._remembers(digest):
                return name
            if not self._checkpw(password[:_BCRYPT_BYTES], expected) or not known:
                return None
            self._remember(digest)
        return name

    def _remembers(self, digest: bytes) -> bool:
        with self._lock:
            if digest not in self._verified:
                return False
            self._verified.move_to_end(digest)
            return True

    def _remember(self, digest: bytes) -> None:
        with self._lock:
            self._verified[digest] = None
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)


def cost_warnings(hashes: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with the bcrypt costs of these hashes, by user name: a line each."""
    costs = {name: _cost(value) for name, value in hashes.items()}
    warnings = []
    if len(set(costs.values())) > 1:
        warnings.append(
            f"basic_auth_users: bcrypt costs from {min(costs.values())} to {max(costs.values())}: the time "
            "of a refusal shows which user names exist; use the same cost for all users"
        )
    dear = [f"{quoted(name)} ({cost})" for name, cost in costs.items() if cost > _DEAR_COST]
    if dear:
        more = f" and {len(dear) - _SHOWN_NAMES} more" if len(dear) > _SHOWN_NAMES else ""
        warnings.append(
            f"basic_auth_users: bcrypt cost above {_DEAR_COST} for {', '.join(dear[:_SHOWN_NAMES])}{more}: "
            "each check of a password takes a core for seconds, and others wait; 10 to 12 is enough"
        )
    return tuple(warnings)


def _cost(value: str) -> int:
    return int(value.split("$")[2])


def _canonical(value: str) -> str:
    """The hash in the form that bcrypt checks.

    All prefixes mean the same algorithm in Go. The last character of the salt carries two bits; Go ignores
    the other four, where bcrypt refuses the hash unless they are 0.
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
