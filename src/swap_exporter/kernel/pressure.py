"""/proc/pressure/memory and a cgroup's memory.pressure: https://docs.kernel.org/accounting/psi.html

::

    some avg10=0.00 avg60=0.00 avg300=0.00 total=12345
    full avg10=0.00 avg60=0.00 avg300=0.00 total=678

Totals are microseconds. The file is missing, or its opening fails with EOPNOTSUPP, where PSI is off.
"""

import re
from typing import NamedTuple

from swap_exporter.kernel.errors import MalformedFile

_TOTAL = re.compile(rb"^(some|full) .*\btotal=(\d{1,20})$", re.MULTILINE)


class Pressure(NamedTuple):
    waiting_seconds: float
    """``some``: at least one task waited for memory."""
    stalled_seconds: float | None
    """``full``: all non-idle tasks waited for memory at once."""


def parse(raw: bytes) -> Pressure:
    """Raises MalformedFile."""
    totals = {name: int(microseconds) / 1e6 for name, microseconds in _TOTAL.findall(raw)}
    if b"some" not in totals:
        raise MalformedFile("pressure", "a line 'some ... total=MICROSECONDS'", raw)
    return Pressure(totals[b"some"], totals.get(b"full"))
