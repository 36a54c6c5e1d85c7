"""deploy/kubernetes: against the schema of Kubernetes, and each file against the others and the program.

The PodMonitor is a custom resource, whose schema the operator brings; it is held to what it must match.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from swap_exporter import __version__
from swap_exporter.cli.flags import parse

FILES = Path(__file__).parents[2] / "deploy" / "kubernetes"
BASE, OVERLAYS = FILES / "base", FILES / "overlays"
DAEMONSET = yaml.safe_load((BASE / "daemonset.yaml").read_text())
MONITOR = yaml.safe_load((BASE / "podmonitor.yaml").read_text())
POD = DAEMONSET["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def built(directory: Path) -> Any:
    """The DaemonSet that a kustomization builds."""
    kustomization = yaml.safe_load((directory / "kustomization.yaml").read_text())
    if directory == BASE:
        assert kustomization["resources"] == ["daemonset.yaml", "podmonitor.yaml"]
        return DAEMONSET
    (base,), (patch,) = kustomization["resources"], kustomization["patches"]
    return merged(
        built((directory / base).resolve()), yaml.safe_load((directory / patch["path"]).read_text())
    )


def merged(old: Any, patch: Any) -> Any:
    """A strategic merge patch: null deletes a key, and named items of a list are merged by their name."""
    if isinstance(old, dict) and isinstance(patch, dict):
        keys = dict.fromkeys((*old, *patch))
        values = {k: merged(old.get(k), patch[k]) if k in patch else old[k] for k in keys}
        return {key: value for key, value in values.items() if key not in patch or value is not None}
    if isinstance(old, list) and isinstance(patch[0], dict):
        named = {item["name"]: item for item in old}
        named.update({item["name"]: merged(named.get(item["name"]), item) for item in patch})
        return list(named.values())
    return patch


def pod(overlay: str) -> Any:
    return built(OVERLAYS / overlay)["spec"]["template"]["spec"]


@pytest.mark.parametrize("directory", [BASE, *sorted(OVERLAYS.iterdir())], ids=lambda path: path.name)
def test_kubernetes_takes_what_each_kustomization_builds(directory: Path) -> None:
    daemonset = built(directory)
    kubernetes_validate.validate(daemonset, kubernetes_validate.latest_version(), strict=True)
    kubectl = shutil.which("kubectl")
    if kubectl and has_recent_kustomize(kubectl):  # which Debian 12 does not package
        printed = subprocess.run(
            [kubectl, "kustomize", directory], capture_output=True, text=True, timeout=60
        )
        assert printed.returncode == 0, printed.stderr
        documents = list(yaml.safe_load_all(printed.stdout))
        assert MONITOR in documents
        assert by_name(daemonset) in [by_name(document) for document in documents]


def has_recent_kustomize(kubectl: str) -> bool:
    command = [kubectl, "version", "--client", "--output=json"]
    version = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    return json.loads(version or "{}").get("kustomizeVersion", "v0") >= "v5"


def by_name(value: Any) -> Any:
    """The same without an order among the named items of a list."""
    if isinstance(value, dict):
        return {key: by_name(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
        return {item["name"]: by_name(item) for item in value}
    return value


def test_by_default_it_runs_as_nobody_without_capabilities() -> None:
    context = CONTAINER["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]) == (True, 65534, 65534)
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False
    assert "initContainers" not in POD
    assert not [volume for volume in POD["volumes"] if volume["name"] == "state" and "hostPath" in volume]


@pytest.mark.parametrize(
    ("overlay", "added"),
    [("proportional-swap", ["SYS_PTRACE"]), ("delay-accounting", ["SYS_PTRACE", "NET_ADMIN"])],
)
def test_an_overlay_adds_capabilities_and_names_the_risk(overlay: str, added: list[str]) -> None:
    (container,) = pod(overlay)["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": added}
    assert (context["runAsNonRoot"], context["runAsUser"]) == (False, 0)
    assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
    assert container["args"] == CONTAINER["args"]
    text = (OVERLAYS / overlay / "kustomization.yaml").read_text()
    assert "# Risk: " in text
    assert all(f"CAP_{name}" in text for name in added[-1:])


def test_net_admin_comes_only_with_the_sysctl_that_makes_it_useful() -> None:
    for directory in (BASE, *OVERLAYS.iterdir()):
        spec = built(directory)["spec"]["template"]["spec"]
        adds = spec["containers"][0]["securityContext"]["capabilities"].get("add", [])
        sets = [init for init in spec.get("initContainers", []) if "task_delayacct" in init["command"][-1]]
        assert bool(sets) == ("NET_ADMIN" in adds)
        assert not [init for init in sets if init["image"] != CONTAINER["image"]]


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
