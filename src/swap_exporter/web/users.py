"""Basic authentication with bcrypt, as web.yml's basic_auth_users has it."""

import binascii
import hashlib
import hmac
import os
import re
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Mapping
from threading import BoundedSemaphore, Lock
from time import monotonic

HASH = re.compile(r"\$2[aby]?\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_REMEMBERED = 100
_BCRYPT_BYTES = 72
_WAITING = 16


class BusyError(Exception):
    """Too many passwords are being checked to check this one in time."""


class Users:
    """Who may come in.

    Keeps the passwords that were right lately, as keyed digests: bcrypt at every scrape would cost more than
    the sample.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        """`hashes`: bcrypt by user name; at least one."""
        # Optional dependency: only whoever has users needs it.
        from bcrypt import checkpw

        self._checkpw = checkpw
        self._hashes = {name: value.encode() for name, value in hashes.items()}
        self._names = sorted(hashes)
        self._pepper = os.urandom(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()
        self._one_at_a_time = Lock()
        self._places = BoundedSemaphore(_WAITING)

    def authenticate(self, authorization: str, deadline: float) -> str | None:
        """The user's name, from the header's value; None where it or the password is wrong.

        Raises BusyError.
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
        if not self._matches(password, expected, deadline) or not known:
            return None
        self._remember(digest)
        return name

    def _matches(self, password: bytes, expected: bytes, deadline: float) -> bool:
        # One at a time, so that guessing takes one core at most; and few that wait, so that guessing does not
        # use up the connections.
        if not self._places.acquire(blocking=False):
            raise BusyError
        try:
            if not self._one_at_a_time.acquire(timeout=max(0.0, deadline - monotonic())):
                raise BusyError
            try:
                return self._checkpw(password[:_BCRYPT_BYTES], expected)
            finally:
                self._one_at_a_time.release()
        finally:
            self._places.release()

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
