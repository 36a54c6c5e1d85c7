"""From which start time on delay accounting measures processes."""

import pytest

from swap_exporter.details.delays import measured_since
from swap_exporter.kernel.delay_accounting import DelayAccounting

OFF, ON = DelayAccounting(False, False), DelayAccounting(True, False)
BOOT, SILENT = DelayAccounting(True, True), DelayAccounting(None, False)


@pytest.mark.parametrize(
    ("accounting", "seen_on", "proven", "expected"),
    [
        pytest.param(OFF, None, 500, None, id="off: what was counted before stands still"),
        pytest.param(DelayAccounting(False, True), 1.0, 500, None, id="on at boot, off since"),
        pytest.param(BOOT, 70.0, 500, 0, id="on from boot"),
        pytest.param(ON, None, None, None, id="on, but since when?"),
        pytest.param(ON, 70.001, None, 7001, id="since it was seen, rounded up: who started before was not"),
        pytest.param(ON, 70.0, 9000, 7000, id="a later process proves nothing more"),
        pytest.param(ON, 70.0, 500, 500, id="since the oldest process that was counted"),
        pytest.param(ON, None, 6000, 6000, id="a first look"),
        pytest.param(SILENT, None, None, None, id="no switch and nothing counted: perhaps not there at all"),
        pytest.param(SILENT, 70.0, None, None, id="no switch was ever seen on"),
        pytest.param(SILENT, None, 500, 500, id="no switch, but it counts"),
    ],
)
def test_from_which_start_time_on_processes_are_measured(
    accounting: DelayAccounting, seen_on: float | None, proven: int | None, expected: int | None
) -> None:
    assert measured_since(accounting, seen_on, proven, clock_ticks=100) == expected
