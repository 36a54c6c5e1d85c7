"""No bytes, however strange, make a parser raise anything but its own error."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swap_exporter.kernel import (
    cgroup,
    cgroup_memory,
    cmdline,
    meminfo,
    mountinfo,
    pressure,
    schedstat,
    smaps_rollup,
    stat,
    status,
    swaps,
    system_stat,
    sysvipc,
    vmstat,
    zram,
)
from swap_exporter.kernel.errors import MalformedFile

PARSERS = {
    "stat": stat.parse,
    "status": status.parse,
    "schedstat": schedstat.parse,
    "cmdline": cmdline.parse,
    "cgroup": cgroup.parse,
    "meminfo": meminfo.parse,
    "vmstat": vmstat.parse,
    "swaps": swaps.parse,
    "pressure/memory": pressure.parse,
    "smaps_rollup": smaps_rollup.parse,
    "mountinfo": mountinfo.parse,
    "sysvipc/shm": sysvipc.parse,
    "../stat": system_stat.parse_forks,
}


def real(file: str) -> bytes:
    try:
        with open(f"/proc/self/{file}", "rb") as open_file:
            return open_file.read()
    except FileNotFoundError:
        with open(f"/proc/{file}", "rb") as open_file:
            return open_file.read()


PARSERS_OF_FILES_NOT_EVERYWHERE = {
    "mm_stat": zram.parse,
    "memory.stat": cgroup_memory.parse_stat,
    "memory.swap.events": cgroup_memory.parse_events,
    "memory.max": lambda raw: cgroup_memory.parse_limit("memory.max", raw),
}


@pytest.mark.parametrize(("file", "parse"), [*PARSERS.items(), *PARSERS_OF_FILES_NOT_EVERYWHERE.items()])
@given(raw=st.binary())
def test_of_any_bytes(file: str, parse: Callable[[bytes], object], raw: bytes) -> None:
    with suppress(MalformedFile):
        parse(raw)


@pytest.mark.parametrize(("file", "parse"), PARSERS.items())
@given(start=st.integers(0, 4000), length=st.integers(0, 40), strange=st.binary(max_size=20))
def test_of_a_real_file_with_a_strange_piece(
    file: str, parse: Callable[[bytes], object], start: int, length: int, strange: bytes
) -> None:
    raw = real(file)
    start %= len(raw) + 1
    with suppress(MalformedFile):
        parse(raw[:start] + strange + raw[start + length :])
