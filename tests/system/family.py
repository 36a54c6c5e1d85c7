"""A process that forks a family sharing random memory, and reads it back when it is told to."""

import os
import signal
import subprocess
import sys
from types import TracebackType

from tests.system.cgroup import MemoryCgroup

MIB = 1 << 20
_PROGRAM = """
import mmap, os, signal, sys
shared, private, children, random = (int(argument) for argument in sys.argv[1:5])
def filled(megabytes):
    memory = mmap.mmap(-1, max(1, megabytes) << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for _ in range(megabytes << 8):
        memory.write(os.urandom(random) * (4096 // random))
    return memory
shared = filled(shared)
pids = []
for _ in range(children):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(900)  # it may outlive its parent, which has no alarm that it would inherit
        own = filled(private)
        os.write(writer, b".")
        while True:
            signal.pause()
    os.read(reader, 1)
    pids.append(pid)
print(os.getpid(), *pids, flush=True)
for line in sys.stdin:
    for offset in range(0, len(shared), 4096):
        shared[offset]
    print("read", flush=True)
"""


class Family:
    """Its memory cannot be left out as zeros; a pipe is all that holds it."""

    def __init__(
        self,
        cgroup: MemoryCgroup,
        shared: int,
        private: int = 0,
        children: int = 0,
        name: str = "family",
        random: int = 4096,
    ) -> None:
        """Megabytes that the parent fills before it forks, and that each child fills of its own.

        Titles end in ``name``. So many bytes of each page are ``random`` and repeated: with a half or a
        quarter of the page it can be compressed.
        """
        numbers = map(str, (shared, private, children, random))
        command = [sys.executable, "-c", _PROGRAM, *numbers, name]
        self._parent = subprocess.Popen(
            cgroup.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.pids = [int(pid) for pid in self._line().split()]
        self.pid = self.pids[0]

    def read_back(self) -> None:
        """The parent reads each page that it filled before it forked."""
        assert self._parent.stdin is not None
        self._parent.stdin.write(b"\n")
        self._parent.stdin.flush()
        assert self._line() == b"read\n"

    def __enter__(self) -> "Family":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._parent.pid, signal.SIGKILL)
        self._parent.communicate(timeout=60)

    def _line(self) -> bytes:
        assert self._parent.stdout is not None
        line = self._parent.stdout.readline()
        assert line, "the family ended too early"
        return line
