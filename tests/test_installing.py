"""``requirements/install``, with which make sets up .venv: which interpreter an environment gets."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.contract import ROOT


def base_interpreter() -> str:
    return getattr(sys, "_base_executable", sys.executable)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As much of this tree as installing reads."""
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def existing(tree: Path, interpreter: str) -> None:
    """A .venv of an interpreter, complete but for the packages."""
    venv = tree / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /opt\n")
    (venv / "bin/python").write_text(f"#!/bin/sh\n{interpreter}\n")
    (venv / "bin/python").chmod(0o755)


def installed(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """make, where no package can be had: it ends where pip would fetch the first."""
    outer = ("PIP_", "MAKE", "PYTHON", "LOCK")  # of the make that runs the tests
    environment = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
    environment |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    command = ["make", "--silent", "installed", *arguments]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def version_of_venv(tree: Path) -> str:
    shown = subprocess.run(
        [tree / ".venv/bin/python", "-V"], capture_output=True, text=True, timeout=60, check=True
    )
    return shown.stdout.strip()


def test_another_interpreter_makes_the_environment_anew(tree: Path) -> None:
    existing(tree, "echo 3.99.0 in /opt/python")
    ended = installed(tree, f"PYTHON={base_interpreter()}")
    assert ended.stderr.startswith("Making .venv anew: it is of 3.99.0 in /opt/python\n")
    assert version_of_venv(tree) == f"Python {sys.version.split()[0]}"


def test_an_environment_whose_interpreter_is_gone_is_made_anew(tree: Path) -> None:
    existing(tree, "exit 127")
    ended = installed(tree)
    assert ended.stderr.startswith("Making .venv anew: it is of an interpreter that is gone\n")
    assert version_of_venv(tree).startswith("Python 3.")


@pytest.mark.parametrize("arguments", [(), ("PYTHON=PATH",)], ids=["none named", "the same named"])
def test_the_environment_of_the_same_interpreter_stays(tree: Path, arguments: tuple[str, ...]) -> None:
    subprocess.run([base_interpreter(), "-m", "venv", tree / ".venv"], check=True, timeout=120)
    (tree / ".venv/kept").touch()
    ended = installed(tree, *(argument.replace("PATH", base_interpreter()) for argument in arguments))
    assert ended.stderr.startswith("Installing into .venv\n")
    assert (tree / ".venv/kept").exists()


def test_what_is_no_interpreter_is_one_line(tree: Path) -> None:
    ended = installed(tree, "PYTHON=/nowhere/python3")
    assert ended.stderr.splitlines()[0] == (
        "/nowhere/python3 not found; on Debian: apt install python3 python3-venv"
    )
    assert not (tree / ".venv").exists()
