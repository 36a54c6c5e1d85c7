"""The example route: what Alertmanager's tool says of it, and what Alertmanager does with it."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from tests.deploy.contract import ROOT, alerts
from tests.require import require
from tests.system.servers.alertmanager import Alertmanager
from tests.system.waiting import wait_until

CONFIGURATION = ROOT / "deploy/alertmanager/alertmanager.yml"


def amtool(*arguments: str) -> str:
    require(shutil.which("amtool"), "amtool (Debian: prometheus-alertmanager)")
    ran = subprocess.run(["amtool", *arguments], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_alertmanager_accepts_the_example() -> None:
    assert "3 inhibit rules" in amtool("check-config", str(CONFIGURATION))


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_only_what_is_critical_wakes_somebody(rule: dict[str, dict[str, str]]) -> None:
    labels = [f"{name}={value}" for name, value in {"alertname": rule["alert"], **rule["labels"]}.items()]
    receiver = amtool("config", "routes", "test", f"--config.file={CONFIGURATION}", *labels).split()
    assert receiver == ["pager" if rule["labels"]["severity"] == "critical" else "team"]


def test_inhibitions_name_alerts_that_exist() -> None:
    known = {rule["alert"] for rule in alerts()}
    for inhibition in yaml.safe_load(CONFIGURATION.read_text())["inhibit_rules"]:
        for matcher in inhibition["source_matchers"] + inhibition["target_matchers"]:
            value = matcher.split("=", 1)[1].strip('~ "')
            assert set(value.split("|")) <= known
        assert {"job", "instance"} <= set(inhibition["equal"])


@pytest.fixture
def alertmanager() -> Iterator[Alertmanager]:
    server = Alertmanager(CONFIGURATION.read_text())
    require(not server.missing(), server.missing() or "")
    server.start()
    try:
        yield server
    finally:
        server.stop()


WEB1 = {"job": "swap-exporter", "instance": "web1:10059"}
WEB2 = {"job": "swap-exporter", "instance": "web2:10059"}
SHOP = {"group": "gunicorn:shop"}
BLOG = {"group": "gunicorn:blog"}


@pytest.mark.parametrize(
    ("cause", "silenced", "told"),
    [
        (
            {"alertname": "SwapThrashing", **WEB1},
            {"alertname": "SwapWorkersWaking", **WEB1, **SHOP},
            {"alertname": "SwapWorkersWaking", **WEB2, **SHOP},
        ),
        (
            {"alertname": "SwapWorkersWaking", **WEB1, **SHOP},
            {"alertname": "SwapWorkersStranded", **WEB1, **SHOP},
            {"alertname": "SwapWorkersStranded", **WEB1, **BLOG},
        ),
        (
            {"alertname": "SwapExporterDown", **WEB1},
            {"alertname": "SwapExporterCollectorFailing", **WEB1, "collector": "vmstat"},
            {"alertname": "SwapNearlyFull", **WEB1},
        ),
    ],
    ids=lambda labels: labels["alertname"],
)
def test_an_alert_hides_what_follows_from_it_and_nothing_else(
    alertmanager: Alertmanager, cause: dict[str, str], silenced: dict[str, str], told: dict[str, str]
) -> None:
    alertmanager.receive(cause, silenced, told)

    def inhibited(labels: dict[str, str]) -> bool:
        [held] = [alert for alert in alertmanager.alerts() if alert["labels"] == labels]
        return bool(held["status"]["inhibitedBy"])

    wait_until("the consequence is inhibited", lambda: inhibited(silenced))
    assert not inhibited(cause)
    assert not inhibited(told)
