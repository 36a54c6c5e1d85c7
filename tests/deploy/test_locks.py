"""The lock files are what pyproject.toml asks for, and name no place to take packages from."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.contract import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
SERVERS = ROOT / "tests/system/servers"
ASKED = {
    ROOT / "requirements/build.txt": PROJECT["build-system"]["requires"],
    ROOT / "requirements/run.txt": PROJECT["project"]["dependencies"] + EXTRAS["auth"],
    ROOT / "requirements/dev.txt": PROJECT["project"]["dependencies"] + EXTRAS["dev"],
    SERVERS / "requirements.txt": (SERVERS / "requirements.in").read_text().split(),
}


def pins(lock: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Name, version and hashes of each package in a lock file."""
    text = re.sub(r"(?m)^\s*#.*\n", "", lock.read_text()).replace("\\\n", " ")
    for line in text.splitlines():
        requirement, *hashes = line.split(" --hash=")
        (specifier,) = Requirement(requirement).specifier
        assert specifier.operator == "==", line
        yield Requirement(requirement).name, specifier.version, [each.strip() for each in hashes]


@pytest.mark.parametrize("lock", ASKED, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_pins_what_is_asked_for_and_knows_every_file_by_its_hash(lock: Path) -> None:
    versions = {}
    for name, version, hashes in pins(lock):
        versions[name] = version
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), name
    for text in ASKED[lock]:
        requirement = Requirement(text)
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"make lock: {text} is locked at {version}"


@pytest.mark.parametrize("lock", ASKED, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_names_no_place_to_take_packages_from(lock: Path) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links| @ ", lock.read_text())


def test_what_is_tested_is_what_the_image_runs() -> None:
    tested = {name: version for name, version, _ in pins(ROOT / "requirements/dev.txt")}
    image = {name: version for name, version, _ in pins(ROOT / "requirements/run.txt")}
    assert image.items() <= tested.items()


def test_the_package_itself_is_pinned_to_nothing() -> None:
    for text in PROJECT["project"]["dependencies"] + EXTRAS["auth"]:
        assert {specifier.operator for specifier in Requirement(text).specifier} == {">="}, text
