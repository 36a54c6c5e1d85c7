"""The tests without their system tier in a Debian 13, with its Python: ``make test-debian13``, as root.

A chroot in mount and pid namespaces of its own: what is mounted and started there is gone when it ends.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.vm import debian

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("ca-certificates", "python3", "python3-venv", "make", "procps", "util-linux", "iproute2"),
    *("gcc", "libc6-dev", "tmux", "systemd", "prometheus", "prometheus-alertmanager"),
)
VENV = ".cache/debian13"
DEADLINE = 3600
FROM_HERE = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/pip.conf")
"""How this machine reaches its package index."""

# $1: the root. unshare --mount-proc there needs it to be a mount point.
ENTER = """
set -eu
root=$1 source=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mkdir -p "$root/source"
mount --bind "$source" "$root/source"
for file in %s; do
    test -e "$file" || continue
    if [ -d "$file" ]; then mkdir -p "$root$file"; else touch "$root$file"; fi
    mount --bind "$file" "$root$file"
done
exec chroot "$root" /bin/sh -c 'cd /source && exec "$@"' sh "$@"
""" % " ".join(FROM_HERE)  # noqa: UP031

NAMESPACES = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child")


def main(arguments: list[str]) -> int:
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        print("make test-debian13: needs root and debootstrap (apt install debootstrap)", file=sys.stderr)
        return 1
    root = debian.tree(PACKAGES, "trixie")
    options = f"-m 'not system' -p no:cacheprovider {' '.join(arguments)}"
    make = ["make", "test", f"VENV={VENV}", f"PYTEST_ARGS={options}"]
    run = subprocess.run(
        [*NAMESPACES, "sh", "-c", ENTER, "sh", root, ROOT, *make],
        env={**os.environ, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        timeout=DEADLINE,
        check=False,
    )
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
