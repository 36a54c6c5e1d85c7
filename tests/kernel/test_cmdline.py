"""/proc/PID/cmdline: what a process says of itself, in any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.kernel import cmdline


@pytest.mark.parametrize(
    ("raw", "argv"),
    [
        (b"", ()),
        (b"\0\0\0", ()),
        (b"sleep\x0060\0", ("sleep", "60")),
        (b"nginx: worker process", ("nginx: worker process",)),
        (b"gunicorn: worker [shop]\0\0\0\0", ("gunicorn: worker [shop]",)),
        (b"sh\0\0-c\0", ("sh", "", "-c")),
        (b"\0argv1\0", ("", "argv1")),
        (b" \0", (" ",)),
        (b"caf\xe9\0\xff\xfe\0", ("caf\ufffd", "\ufffd\ufffd")),
        (b"\xe2\x82\0", ("\ufffd\ufffd",)),
        (b"\xed\xa0\x80", ("\ufffd\ufffd\ufffd",)),
        ("größe €\0".encode(), ("größe €",)),
        (b"two\nlines\0", ("two\nlines",)),
        (b"x\0" * 64, ("x",) * 64),
        (b"x\0" * 67, (*("x",) * 63, "x x x x")),
    ],
)
def test_argv(raw: bytes, argv: tuple[str, ...]) -> None:
    assert cmdline.parse(raw) == argv


@given(st.binary())
def test_any_bytes_are_text_that_can_be_sent_as_utf8(raw: bytes) -> None:
    for argument in cmdline.parse(raw):
        argument.encode()


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), max_size=70))
def test_valid_arguments_come_back_as_they_were(argv: list[str]) -> None:
    parsed = cmdline.parse(b"".join(argument.encode() + b"\0" for argument in argv))
    assert parsed[:63] == tuple(argv[:63])
    assert " ".join(parsed) == " ".join(argv)
