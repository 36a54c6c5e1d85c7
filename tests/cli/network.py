"""A network of its own for an exporter and those that ask it, so that the default address is free."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.require import require

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_AS_ROOT = os.geteuid() == 0


def main() -> None:
    """Turn the loopback on and become the program that the arguments name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        _, flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
    os.execvp(sys.argv[1], sys.argv[1:])


@contextmanager
def private_network() -> Iterator[list[str]]:
    """What to put before a command that is to run in it."""
    unshare = ["unshare", "--net", *([] if _AS_ROOT else ["--map-root-user"])]
    # It ends when its standard input does, so also with this process.
    with subprocess.Popen(
        [*unshare, sys.executable, __file__, "sh", "-c", "echo ready; read -r end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        require(keeper.stdout.readline() == "ready\n", "a network namespace")
        try:
            yield [
                "nsenter",
                f"--target={keeper.pid}",
                "--net",
                *([] if _AS_ROOT else ["--user", "--preserve-credentials"]),
            ]
        finally:
            keeper.stdin.close()
            keeper.wait(30)


if __name__ == "__main__":
    main()
