import logging

import pytest

from tests.http.authority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """Sees the program's log even after another test has configured it for standard error."""
    monkeypatch.setattr(logging.getLogger("swap_exporter"), "propagate", True)
    return caplog
