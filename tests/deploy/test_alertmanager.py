"""Alertmanager's own tool on the example route."""

import shutil
import subprocess

import pytest
import yaml

from tests.deploy.contract import ROOT, alerts
from tests.require import require

CONFIGURATION = ROOT / "deploy/alertmanager/alertmanager.yml"


def amtool(*arguments: str) -> str:
    require(shutil.which("amtool"), "amtool (Debian: prometheus-alertmanager)")
    ran = subprocess.run(["amtool", *arguments], capture_output=True, text=True)
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
