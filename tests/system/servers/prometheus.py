"""Debian's Prometheus, scraping what a test gives it."""

import json
import shutil
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from tests.system.servers.server import Server, http_get


class Prometheus(Server):
    ready_path = "/-/ready"

    def __init__(self, *target_ports: int, interval: str = "1s", configuration: str | None = None) -> None:
        """Scrapes ``target_ports`` as job "swap-exporter", or does what ``configuration`` (YAML) says."""
        super().__init__()
        targets = ", ".join(f"'127.0.0.1:{port}'" for port in target_ports)
        self.configuration = configuration or (
            f"global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n"
            f"scrape_configs:\n- job_name: swap-exporter\n  static_configs: [{{targets: [{targets}]}}]\n"
        )

    def missing(self) -> str | None:
        return None if shutil.which("prometheus") else "Prometheus is not installed: apt install prometheus"

    def argv(self) -> Sequence[str]:
        file = self.directory / "prometheus.yml"
        file.write_text(self.configuration)
        return [
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={self.directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def api(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an answer of /api/v1/``path``."""
        answer = json.loads(http_get(self.port, f"/api/v1/{path}?{urlencode(parameters)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each sample of an instant vector."""
        vector = self.api("query", query=expression)["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in vector]

    def metric_names(self) -> set[str]:
        """Every name that has arrived."""
        return set(self.api("label/__name__/values"))
