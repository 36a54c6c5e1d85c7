"""The installed program, run as a person would run it."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.system.readable_by_all import readable_by_all
from tests.system.servers.server import Server, http_get

BINARY = Path(sys.executable).with_name("swap-exporter")
NOBODY = (
    *readable_by_all(Path(__file__).parents[2], Path(sys.prefix), Path(sys.base_prefix)),
    *("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=TERM"),
)


def hurried_catalogue(
    after: float, window: float, settings: Mapping[str, Any] | None = None, cpu: float | None = None
) -> str:
    """The built-in entries as a configuration of one's own, with times (seconds) that a test can wait for.

    What they match and the roles stay as they are; ``settings`` go beside the entries. Their ``idle.cpu``
    goes, for in a configuration it would be exact: what idle workers use is learned, as it is of the
    catalogue. A test that is not about activity gives a ``cpu`` that paging does not reach.
    """
    printed = subprocess.run([BINARY, "catalog"], capture_output=True, check=True, timeout=60).stdout
    return _hurried(yaml.safe_load(printed)["process_names"], after, window, settings or {}, cpu)


def hurried_families(*names: str, settings: Mapping[str, Any] | None = None) -> str:
    """A configuration with a group for each family of these names, and nothing else."""
    entries = [{"name": name, "cmdline": [f" {name}$"]} for name in names]
    return _hurried(entries, after=4, window=2, settings=settings or {})


def _hurried(
    entries: Iterable[Mapping[str, Any]],
    after: float,
    window: float,
    settings: Mapping[str, Any],
    cpu: float | None = None,
) -> str:
    idle: dict[str, Any] = {"after": f"{after}s", "window": f"{window}s"}
    if cpu is not None:
        idle["cpu"] = cpu
    return yaml.safe_dump(
        {
            "process_names": [{**entry, "idle": idle} for entry in entries],
            "catalog": False,
            "tick": "500ms",
            "min_sample_interval": "100ms",
            "rate_window": "2s",
            "quiet": {"window": "4s"},
            **settings,
        }
    )


class Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float


class Scrape:
    """One parsed exposition."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [
            Sample(sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def matching(self, name: str, **labels: str) -> Iterator[Sample]:
        """The series of a name that have these labels, and perhaps more."""
        return (s for s in self.samples if s.name == name and labels.items() <= s.labels.items())

    def get(self, name: str, **labels: str) -> float | None:
        """The value of the one series, or ``None`` where it is absent."""
        found = list(self.matching(name, **labels))
        assert len(found) <= 1, f"{name}{labels} is more than one series: {found}"
        return found[0].value if found else None

    def value(self, name: str, **labels: str) -> float:
        """The value of the one series, which must be there."""
        value = self.get(name, **labels)
        assert value is not None, f"no {name}{labels}; there is {[s for s in self.samples if s.name == name]}"
        return value

    def sum(self, name: str, **labels: str) -> float:
        """The sum over all matching series, of which there must be one."""
        values = [sample.value for sample in self.matching(name, **labels)]
        assert values, f"no {name}{labels}"
        return sum(values)

    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}


class Exporter(Server):
    """swap-exporter on a free port of the loopback, with a configuration of its own."""

    ready_path = "/-/ready"

    def __init__(
        self,
        configuration: str | None = None,
        state_file: Path | None = None,
        options: Sequence[str] = (),
        through: Sequence[str] = (),
    ) -> None:
        """``configuration`` is YAML text; without it the program runs on its built-in catalogue.

        ``through`` is a command that runs it, such as NOBODY.
        """
        super().__init__()
        self.configuration = self.directory / "swap-exporter.yaml"
        if configuration is not None:
            self.configuration.write_text(configuration)
        self.state_file = state_file
        self.options = options
        self.through = through

    def argv(self) -> Sequence[str]:
        return [
            *self.through,
            str(BINARY),
            f"--web.listen-address=127.0.0.1:{self.port}",
            *([f"--config.file={self.configuration}"] if self.configuration.exists() else []),
            *([f"--state.file={self.state_file}"] if self.state_file else []),
            *self.options,
        ]

    def scrape(self) -> Scrape:
        return Scrape(http_get(self.port, "/metrics").decode())

    def stderr(self) -> str:
        return self.log.read_text()

    def missing(self) -> str | None:
        return None if BINARY.exists() else f"{BINARY} is not installed: make test installs it"

    def end(self) -> None:
        """End it as an init system would, and hold it to a clean end: status 0 and no traceback."""
        if self.process is None:
            self.stop()
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=30)
            logged = self.stderr()
        finally:
            self.stop()
        assert status == 0, f"ended with status {status}: {logged[-4000:]}"
        assert "Traceback" not in logged, logged[-4000:]
