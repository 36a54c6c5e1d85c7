"""Where the zoo's applications are, and the Python servers that run them."""

from pathlib import Path

from tests.system.servers.environment import bin_directory

__all__ = ["APPLICATIONS", "bin_directory"]

APPLICATIONS = Path(__file__).with_name("applications")
