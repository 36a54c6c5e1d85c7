"""Debian's Alertmanager, with the configuration that a test gives it."""

import json
import shutil
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from tests.system.servers.server import Server, http_get


class Alertmanager(Server):
    ready_path = "/-/ready"

    def __init__(self, configuration: str) -> None:
        super().__init__()
        self.configuration = configuration

    def missing(self) -> str | None:
        if shutil.which("prometheus-alertmanager"):
            return None
        return "Alertmanager is not installed: apt install prometheus-alertmanager"

    def argv(self) -> Sequence[str]:
        file = self.directory / "alertmanager.yml"
        file.write_text(self.configuration)
        return [
            "prometheus-alertmanager",
            f"--config.file={file}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",  # a cluster of one: no gossip port
        ]

    def receive(self, *alerts: dict[str, str]) -> None:
        """Take alerts, given by their labels, as from a Prometheus."""
        request = Request(
            f"http://127.0.0.1:{self.port}/api/v2/alerts",
            data=json.dumps([{"labels": labels} for labels in alerts]).encode(),
            headers={"Content-Type": "application/json"},
        )
        with build_opener(ProxyHandler({})).open(request, timeout=30):
            pass

    def alerts(self, **parameters: str) -> list[dict[str, Any]]:
        """What it holds: labels, annotations, receivers, and whether something inhibits them."""
        held: list[dict[str, Any]] = json.loads(
            http_get(self.port, f"/api/v2/alerts?{urlencode(parameters)}")
        )
        return held
