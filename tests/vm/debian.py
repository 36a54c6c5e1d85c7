"""Small Debian systems, made once with debootstrap and kept in .cache/vm until `make clean`."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "vm"
SUITE = "bookworm"


def tree(packages: Sequence[str], suite: str = SUITE) -> Path:
    """The root directory of a Debian with these packages and what they depend on. Needs root."""

    def make(directory: Path) -> None:
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", suite]
        subprocess.run([*command, directory], check=True, stdout=subprocess.DEVNULL, timeout=1800)
        shutil.rmtree(directory / "var/cache/apt")

    return kept(f"debian-{_digest(*packages, suite=suite)}", make)


def image(packages: Sequence[str], unit: Path) -> Path:
    """A directory with the `disk` of a Debian in which `unit` is enabled, its `vmlinuz` and `initrd.img`."""

    def make(directory: Path) -> None:
        directory.mkdir()
        root = directory / "root"
        subprocess.run(["cp", "--archive", tree(packages), root], check=True, timeout=600)
        shutil.copy(unit, root / "etc/systemd/system")
        subprocess.run(
            ["systemctl", f"--root={root}", "--quiet", "enable", unit.name], check=True, timeout=60
        )
        for name in ("vmlinuz", "initrd.img"):
            shutil.copyfile(root / name, directory / name)
        make_disk(root, directory / "disk", "4G")
        shutil.rmtree(root)

    return kept(f"image-{_digest(*packages, unit.read_text())}", make)


def make_disk(directory: Path, disk: Path, size: str) -> None:
    """A sparse file with an ext4 file system that holds what is in a directory."""
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", directory, disk, size], check=True, timeout=600)


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """What `make` has made under this name, in this run or an earlier one; never half of it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        finished, unfinished = CACHE / name, CACHE / f"{name}.unfinished"
        if not finished.exists():
            subprocess.run(["rm", "-rf", unfinished], check=True, timeout=600)
            make(unfinished)
            unfinished.rename(finished)
        return finished


def _digest(*parts: str, suite: str = SUITE) -> str:
    return hashlib.sha256("\0".join((suite, *parts)).encode()).hexdigest()[:12]
