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

from swap_exporter.web.turns import Turns

HASH = re.compile(r"\$2[aby]?\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_REMEMBERED = 100
_BCRYPT_BYTES = 72


class Users:
    """Who may come in.

    Keeps the passwords that were right lately, as keyed digests: bcrypt at every scrape would cost more than
    the sample.
    """

    def __init__(self, hashes: Mapping[str, str], max_waiting: int = 128) -> None:
        """`hashes`: bcrypt by user name; at least one. `max_waiting`: passwords that wait for their check."""
        # Optional dependency: only whoever has users needs it.
        from bcrypt import checkpw

        self._checkpw = checkpw
        self._hashes = {name: value.encode() for name, value in hashes.items()}
        self._names = sorted(hashes)
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
        # A name that is not known is checked against somebody's hash, always the same: it takes as long.
        known = name in self._hashes
        expected = self._hashes[name if known else self._names[hash(name) % len(self._names)]]
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


def _credentials(authorization: str) -> tuple[str, bytes] | tuple[None, bytes]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, b""
    try:
        name, colon, password = b64decode(encoded.strip(), validate=True).partition(b":")
        return (name.decode(), password) if colon else (None, b"")
    except (binascii.Error, ValueError):
        return None, b""
