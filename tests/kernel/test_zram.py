"""mm_stat of zram devices."""

from pathlib import Path

import pytest

from swap_exporter.kernel import zram
from swap_exporter.kernel.errors import MalformedFile, Vanished


@pytest.mark.parametrize(
    "raw",
    [
        b"    8192       74    12288        0    12288        0        0\n",  # 4.1
        b"    8192       74    12288        0    12288        0        0        0        0\n",  # 5.15
    ],
)
def test_what_is_stored_and_what_it_costs(raw: bytes) -> None:
    assert zram.parse(raw) == zram.Zram(stored=8192, pool=12288)


@pytest.mark.parametrize("raw", [b"", b"1 2\n", b"1 2 x 4\n", b"9" * 5000 + b" 1 2\n"])
def test_a_strange_mm_stat_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedFile, match="mm_stat: expected three numbers or more"):
        zram.parse(raw)


def test_every_device_that_can_be_read(tmp_path: Path) -> None:
    for name, content in {"zram1": b"1 0 2\n", "zram0": b"3 0 4\n", "zram2": b"?", "sda": b"1 1 1\n"}.items():
        (tmp_path / "block" / name).mkdir(parents=True)
        (tmp_path / "block" / name / "mm_stat").write_bytes(content)
    (tmp_path / "block" / "zram3").mkdir()
    found = zram.devices(str(tmp_path))
    assert list(found.items()) == [("zram0", zram.Zram(3, 4)), ("zram1", zram.Zram(1, 2))]


def test_without_block_devices_there_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(Vanished):
        zram.devices(str(tmp_path))
