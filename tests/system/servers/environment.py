"""A virtual environment with the Python servers, made once and kept: the project does not need them."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DIRECTORY = Path(__file__).parents[3] / ".venv-servers"
DEADLINE = 500


def bin_directory() -> Path:
    """Where gunicorn and the others are; installs them unless the same have been installed before.

    Versions come from the lock file, or are the newest with LOCK=no in the environment.
    """
    if os.environ.get("LOCK") == "no":
        requirements = [f"--requirement={HERE / 'requirements.in'}", "--upgrade"]
    else:
        requirements = [f"--requirement={HERE / 'requirements.txt'}", "--require-hashes"]
    texts = [(HERE / f"requirements.{ending}").read_text() for ending in ("in", "txt")]
    wanted = "\n".join([sys.version, sys.base_prefix, *requirements, *texts])
    DIRECTORY.mkdir(exist_ok=True)
    stamp = DIRECTORY / "installed"
    with (DIRECTORY / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            venv = DIRECTORY / "venv"
            subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True, timeout=DEADLINE)
            install = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            subprocess.run([venv / "bin/python", *install, *requirements], check=True, timeout=DEADLINE)
            stamp.write_text(wanted)
    return DIRECTORY / "venv" / "bin"
