"""The image of the Dockerfile, built and run by buildah on a small Debian instead of a registry's image.

In chroot isolation a container has the host's /proc and network, as with --pid=host and --network=host.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from swap_exporter import __version__
from tests.require import require
from tests.system import independent
from tests.system.conftest import Start
from tests.system.exporter import Exporter
from tests.vm import debian

ROOT = Path(__file__).parents[2]
NOBODY = 65534


class Buildah:
    """buildah with a storage of its own."""

    def __init__(self, directory: Path) -> None:
        storage = [f"--root={directory}/storage", f"--runroot={directory}/run", "--storage-driver=vfs"]
        self.command = ["buildah", *storage]

    def __call__(self, *arguments: str | Path) -> str:
        ran = subprocess.run(
            [*self.command, *map(str, arguments)], capture_output=True, text=True, timeout=900
        )
        assert ran.returncode == 0, f"buildah {arguments}: {ran.stdout[-4000:]}{ran.stderr[-4000:]}"
        return ran.stdout.strip()


@pytest.fixture(scope="session")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    require(os.geteuid() == 0, "debootstrap needs root")
    for program in ("buildah", "debootstrap"):
        require(shutil.which(program), f"{program} (Debian: {program})")
    directory = tmp_path_factory.mktemp("buildah")
    yield Buildah(directory)
    subprocess.run(["rm", "-rf", directory], check=True, timeout=600)


@pytest.fixture(scope="session")
def image(buildah: Buildah, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The project's image. Its base has Python, and pip there takes packages from a directory."""
    files = tmp_path_factory.mktemp("base")
    wheels = [sys.executable, "-m", "pip", "wheel", "--quiet", f"--wheel-dir={files}/wheels"]
    locks = [f"--requirement={ROOT / 'requirements' / name}" for name in ("build.txt", "run.txt")]
    subprocess.run([*wheels, "--require-hashes", *locks], check=True, timeout=500)
    (files / "etc").mkdir()
    (files / "etc/pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    base = buildah("from", "scratch")
    for tree in (debian.tree(["python3", "python3-venv"]), files):
        buildah("copy", base, tree, "/")
    buildah("commit", "--quiet", "--rm", base, "localhost/base")
    arguments = ["--build-arg=BASE=localhost/base", f"--build-arg=VERSION={__version__}"]
    buildah("build", "--isolation=chroot", *arguments, "--tag=localhost/swap-exporter", ROOT)
    return "localhost/swap-exporter"


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack)


@pytest.fixture
def container(buildah: Buildah, image: str) -> str:
    return buildah("from", image)


class Contained(Exporter):
    """The exporter in a container, started as its image says."""

    def __init__(self, buildah: Buildah, container: str) -> None:
        super().__init__()
        self.buildah, self.container = buildah, container

    def argv(self) -> Sequence[str]:
        entrypoint = inspect(self.buildah, self.container)["config"]["Entrypoint"]
        program = [*entrypoint, f"--web.listen-address=127.0.0.1:{self.port}"]
        return [*self.buildah.command, "run", "--isolation=chroot", self.container, "--", *program]

    def missing(self) -> str | None:
        return None

    def own_pid(self) -> int:
        """Of the exporter itself, which is below buildah."""
        (pid,) = (p for p in independent.descendants(self.pid) if independent.title(p).startswith("/opt/"))
        return pid

    def status(self) -> dict[str, str]:
        """Its /proc/PID/status."""
        lines = Path(f"/proc/{self.own_pid()}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines)

    def end(self) -> None:
        # buildah kills what it runs; a runtime sends a TERM first.
        if self.process and self.process.poll() is None:
            os.kill(self.own_pid(), signal.SIGTERM)
            self.process.wait(30)
        super().end()


def inspect(buildah: Buildah, container: str) -> dict[str, dict[str, object]]:
    """The configuration of the image that a container was made from, as OCI has it."""
    oci: dict[str, dict[str, object]] = json.loads(buildah("inspect", container))["OCIv1"]
    return oci


def test_the_image_tells_what_it_is(buildah: Buildah, container: str) -> None:
    config = inspect(buildah, container)["config"]
    assert config["User"] == f"{NOBODY}:{NOBODY}"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == "swap-exporter"
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_image_adds_little_to_its_base(buildah: Buildah, container: str) -> None:
    root = Path(buildah("mount", container))
    added = [path.lstat().st_size for path in (root / "opt/swap-exporter").rglob("*") if path.is_file()]
    assert sum(added) < 48 << 20
    assert not (root / "source").exists(), "the build has left something"


def test_as_nobody_it_tells_the_swap_of_all_processes(buildah: Buildah, container: str, start: Start) -> None:
    exporter = start(Contained(buildah, container))
    assert exporter.status()["Uid"].split() == [str(NOBODY)] * 4
    scrape = exporter.scrape()
    assert scrape.value("swap_exporter_processes", result="scanned") > len(independent.descendants(1)) / 2
    assert scrape.value("swap_exporter_processes", result="denied") == 0
    assert scrape.value("swap_exporter_build_info", version=__version__) == 1


def test_proportional_swap_needs_root_and_a_capability(buildah: Buildah, container: str) -> None:
    read = [container, "--", "cat", f"/proc/{os.getpid()}/smaps_rollup"]
    with pytest.raises(AssertionError, match="Permission denied"):
        buildah("run", "--isolation=chroot", "--cap-add=CAP_SYS_PTRACE", *read)
    assert "SwapPss:" in buildah("run", "--isolation=chroot", "--user=0", "--cap-add=CAP_SYS_PTRACE", *read)
