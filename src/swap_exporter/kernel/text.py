"""Bytes that any process may choose (comm, argv, names of cgroups and files), as text."""

import re

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def decode(raw: bytes) -> str:
    """UTF-8, with one U+FFFD for each byte that is not: as Go does, so that patterns written for it match."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _ESCAPED_BYTE.sub("\ufffd", raw.decode(errors="surrogateescape"))
