"""Prometheus' own judgement."""

import shutil
import subprocess
from pathlib import Path

from tests.require import require


def promtool(*arguments: str | Path) -> str:
    """What it prints; its complaint fails the test."""
    require(shutil.which("promtool"), "promtool (Debian: prometheus)")
    ran = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
