"""The units on a real systemd with cgroup v2 and swap: a virtual Debian 12 runs tests/vm/guest/service.py."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.require import require
from tests.vm import debian, machine
from tests.vm.guest import service

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "linux-image-cloud-amd64", "python3", "python3-venv"),
    *("apache2", "php-fpm"),
)


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ElementTree.Element]:
    """The tests that ran in the machine, in JUnit's words."""
    require(os.geteuid() == 0, "debootstrap needs root")
    for program, package in {"qemu-system-x86_64": "qemu-system-x86", "debootstrap": "debootstrap"}.items():
        require(shutil.which(program), f"{program} (Debian: {package})")
    image = debian.image(PACKAGES, ROOT / "tests/vm/guest/checks.service")
    results, console = machine.run(image, _second_disk(tmp_path_factory.mktemp("second")))
    assert results, f"no results from the virtual machine:\n{console[-8000:]}"
    return {case.attrib["name"]: case for case in ElementTree.fromstring(results).iter("testcase")}


def _second_disk(directory: Path) -> Path:
    """The wheel of this tree and those it depends on, the units, the tests, and pytest beside them."""
    files = directory / "files"
    pip = [sys.executable, "-m", "pip", "--quiet"]
    wheel = [*pip, "wheel", f"--wheel-dir={files}/wheels"]
    subprocess.run(
        [*wheel, "--require-hashes", f"--requirement={ROOT}/requirements/run.txt"], check=True, timeout=500
    )
    subprocess.run([*wheel, "--no-deps", "--no-build-isolation", ROOT], check=True, timeout=500)
    subprocess.run(
        [*pip, "install", f"--target={files}/pytest", f"pytest=={version('pytest')}"], check=True, timeout=500
    )
    for name in ("tests", "deploy/systemd"):
        shutil.copytree(ROOT / name, files / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", files)
    debian.make_disk(files, directory / "disk", "128M")
    return directory / "disk"


@pytest.mark.parametrize("name", [name for name in vars(service) if name.startswith("test_")])
def test_in_the_virtual_machine(name: str, found: dict[str, ElementTree.Element]) -> None:
    assert name in found, f"it did not run; there are {sorted(found)}"
    for outcome in found[name]:  # a failure, an error or a skip
        pytest.fail(f"in the virtual machine: {outcome.tag}\n{outcome.text}", pytrace=False)
