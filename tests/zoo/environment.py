"""A virtual environment with the Python servers of the zoo, made once and kept."""

import fcntl
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
DIRECTORY = Path(__file__).parents[2] / ".venv-zoo"
APPLICATIONS = Path(__file__).with_name("applications")


def bin_directory() -> Path:
    """Where gunicorn and the others are; installs them unless that has been done."""
    DIRECTORY.mkdir(exist_ok=True)
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text()}"
    stamp = DIRECTORY / "installed"
    with (DIRECTORY / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", DIRECTORY / "venv"], check=True)
            install = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"]
            subprocess.run([DIRECTORY / "venv/bin/python", *install, REQUIREMENTS], check=True)
            stamp.write_text(wanted)
    return DIRECTORY / "venv" / "bin"
