"""What is healthy: a real pipeline over /proc, and a clock that can be turned."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from swap_exporter import config
from swap_exporter.cli.health import Health, patience
from swap_exporter.details.details import DetailsReader
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.sample import Instant
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings.template import TemplateContext
from swap_exporter.systemd import Supervisor
from tests.http.serving import serving


class Exporter:
    """A pipeline over a /proc that can be taken away."""

    def __init__(self, directory: Path, tick: str) -> None:
        self.procfs = directory / "proc"
        self.procfs.symlink_to("/proc")
        self.passed = 0.0
        text = f"tick: {tick}\nmin_sample_interval: 1ms\ncatalog: false\n"
        configuration = config.parse(text.encode(), "test.yml")
        context = TemplateContext(boot_time=0, clock_ticks=os.sysconf("SC_CLK_TCK"), username=str)
        details = DetailsReader(str(self.procfs), "/sys/fs/cgroup", configuration.proportional, self.clock)
        self.pipeline = Pipeline(configuration, Scanner(str(self.procfs)), details, context, self.clock)
        self.health = Health(self.pipeline, Supervisor({}), lambda: self.clock().monotonic)

    def clock(self) -> Instant:
        at = now()
        return at._replace(monotonic=at.monotonic + self.passed)


@pytest.fixture
def exporter(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Exporter]:
    exporter = Exporter(tmp_path, getattr(request, "param", "15s"))
    yield exporter
    exporter.pipeline.stop()


@pytest.mark.parametrize(("tick", "seconds"), [(0.001, 120), (15, 120), (40, 120), (60, 180), (120, 360)])
def test_patience_is_three_ticks_and_two_minutes_at_least(tick: float, seconds: float) -> None:
    assert patience(tick) == seconds


@pytest.mark.parametrize(
    ("exporter", "bound"), [("1ms", 120), ("15s", 120), ("2m", 360)], indirect=["exporter"]
)
def test_it_is_healthy_as_long_as_complete_samples_come(exporter: Exporter, bound: float) -> None:
    assert exporter.health.trouble() is None
    exporter.pipeline.latest()
    exporter.passed += bound - 5
    assert exporter.health.trouble() is None
    exporter.passed += 10
    assert exporter.health.trouble() == f"no complete sample for {bound + 5} s, expected one in {bound} s"
    assert exporter.pipeline.latest().sample.complete
    assert exporter.health.trouble() is None


def test_a_sample_that_breaks_off_is_none(exporter: Exporter) -> None:
    complete = exporter.pipeline.latest()
    exporter.procfs.unlink()
    for _ in range(3):
        exporter.passed += 50
        broken = exporter.pipeline.latest()
        assert not broken.sample.complete
        assert broken.complete_at == complete.sample.at
    assert exporter.health.trouble() == "no complete sample for 150 s, expected one in 120 s"
    exporter.procfs.symlink_to("/proc")
    exporter.passed += 1
    whole = exporter.pipeline.latest()
    assert exporter.health.trouble() is None
    assert whole.complete_at == whole.sample.at


def test_a_first_sample_is_waited_for_as_long(exporter: Exporter) -> None:
    exporter.passed += 125
    assert exporter.health.trouble() == "no complete sample for 125 s, expected one in 120 s"


def test_a_slow_sample_counts_from_its_end(exporter: Exporter) -> None:
    """A host that thrashes: each sample takes longer than what is waited for, and the exporter works."""
    real = exporter.pipeline._clock

    def slow() -> Instant:
        exporter.passed += 60.0
        return real()

    exporter.pipeline._clock = slow
    assert exporter.pipeline.latest().sample.complete
    assert exporter.health.trouble() is None


def test_a_server_that_does_not_accept_is_trouble(exporter: Exporter) -> None:
    exporter.pipeline.latest()
    with serving() as server:
        exporter.health.start(server)
        try:
            assert exporter.health.trouble() is None
        finally:
            exporter.health.stop()
        server.stop()
        assert exporter.health.trouble() == "no connection is accepted any more"
