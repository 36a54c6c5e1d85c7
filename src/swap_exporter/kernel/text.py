"""Bytes that any process may choose (comm, argv, names of cgroups and files), as text."""

import re

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


def decode(raw: bytes) -> str:
    """UTF-8, with one U+FFFD for each byte that is not: as Go does, so that patterns written for it match."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _ESCAPED_BYTE.sub("\ufffd", raw.decode(errors="surrogateescape"))


def decode_path(raw: bytes) -> str:
    """A path of /proc/swaps or mountinfo, where the kernel (mangle_path, fs/seq_file.c) writes spaces, tabs,
    newlines and backslashes as a backslash and three octal digits."""
    return decode(_OCTAL.sub(lambda digits: bytes((int(digits[1], 8),)), raw))
