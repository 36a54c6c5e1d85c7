"""A directory that looks like /proc, for what cannot be had from a real one at will."""

import shutil
from pathlib import Path

from swap_exporter.sampling.host import COLLECTORS

MEMINFO = b"MemTotal: 4096 kB\nMemAvailable: 2048 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
VMSTAT = b"pswpin 1\npswpout 2\n"
SWAPS = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
SYSV_SHM = b"key shmid swap\n0 1 4096\n"
PRESSURE = b"some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n"


class Tree:
    """Files that a test writes, breaks and removes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, content in {
            "meminfo": MEMINFO,
            "vmstat": VMSTAT,
            "swaps": SWAPS,
            "pressure/memory": PRESSURE,
            "sysvipc/shm": SYSV_SHM,
            "version": b"Linux\n",
        }.items():
            self.write(name, content)
        (root / "block").mkdir()
        assert {"meminfo", "vmstat", "swaps", "pressure", "sysvipc", "zram"} == COLLECTORS

    def write(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            path.rmdir()
        path.write_bytes(content)

    def make_unreadable(self, name: str) -> None:
        """Puts a directory there: reading it fails for root as well, which file modes do not do."""
        self.remove(name)
        (self.root / name).mkdir(parents=True)

    def remove(self, name: str) -> None:
        path = self.root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def process(
        self,
        pid: int,
        *,
        comm: bytes = b"app",
        state: bytes = b"S",
        parent: int = 1,
        flags: int = 0x400000,
        cpu: int = 3,
        threads: int = 1,
        start: int = 500,
        virtual: int = 9_000_000,
        pages: int = 400,
        memory: bool = True,
        swap_kib: int = 100,
        switches: int | None = 7,
        cmdline: bytes = b"app\0--serve\0",
        cgroup: bytes = b"0::/app\n",
    ) -> None:
        fields = ["0"] * 50
        for number, value in {4: parent, 9: flags, 14: cpu, 20: threads, 22: start, 23: virtual}.items():
            fields[number - 3] = str(value)
        fields[24 - 3] = str(pages)
        stat = b"%d (%b) %b %b\n" % (pid, comm, state, " ".join(fields[1:]).encode())
        sizes = (
            b"VmRSS:\t %d kB\nRssAnon:\t 8 kB\nVmSwap:\t %d kB\n" % (pages * 4, swap_kib) if memory else b""
        )
        status = b"Name:\tapp\nUid:\t0\t33\t0\t0\n" + sizes
        if switches is not None:
            status += b"voluntary_ctxt_switches:\t%d\n" % switches
        for name, content in {"stat": stat, "status": status, "cmdline": cmdline, "cgroup": cgroup}.items():
            self.write(f"{pid}/{name}", content)
