"""deploy/kubernetes: against the schema of Kubernetes, and each file against the others and the program.

The PodMonitor is a custom resource, whose schema the operator brings; it is held to what it must match.
"""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from swap_exporter import __version__
from swap_exporter.cli.flags import parse

FILES = Path(__file__).parents[2] / "deploy" / "kubernetes"
DAEMONSET = yaml.safe_load((FILES / "daemonset.yaml").read_text())
MONITOR = yaml.safe_load((FILES / "podmonitor.yaml").read_text())
POD = DAEMONSET["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_kubernetes_takes_the_daemonset() -> None:
    kubernetes_validate.validate(DAEMONSET, kubernetes_validate.latest_version(), strict=True)


def test_kubernetes_would_refuse_a_field_it_does_not_know() -> None:
    mistyped = {**DAEMONSET, "spec": {**DAEMONSET["spec"], "hostPid": True}}
    with pytest.raises(kubernetes_validate.ValidationError, match="'hostPid' was unexpected"):
        kubernetes_validate.validate(mistyped, kubernetes_validate.latest_version(), strict=True)


def test_the_daemonset_and_the_monitor_select_its_pods() -> None:
    labels = DAEMONSET["spec"]["template"]["metadata"]["labels"]
    for selector in (DAEMONSET["spec"]["selector"], MONITOR["spec"]["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    assert labels[MONITOR["spec"]["jobLabel"]] == "swap-exporter", "the rules look for this job"


def test_ports_are_those_that_the_container_names() -> None:
    ports = {port["name"] for port in CONTAINER["ports"]}
    assert {endpoint["port"] for endpoint in MONITOR["spec"]["podMetricsEndpoints"]} == ports
    assert CONTAINER["livenessProbe"]["httpGet"]["port"] in ports


def test_every_mount_has_its_volume_and_every_path_its_mount() -> None:
    options = parse(CONTAINER["args"])
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {v["name"] for v in POD["volumes"]}
    assert options.cgroupfs in mounts
    assert options.state_file is not None
    assert str(Path(options.state_file).parent) in mounts


def test_the_container_is_given_no_swap() -> None:
    resources = CONTAINER["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]


def test_the_image_is_of_this_version() -> None:
    assert CONTAINER["image"] == f"swap-exporter:{__version__}"
