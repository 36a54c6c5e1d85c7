"""A program in a directory that other users may not enter, such as root's home, run as one of them."""

import stat
from collections.abc import Sequence
from pathlib import Path

# Arguments: each closed directory with the number and names of those below it; then "--" and the command.
_OPEN = """
set -e
while [ "$1" != -- ]; do
    closed=$1 count=$2 aside=$(mktemp -d)
    shift 2
    mount --rbind "$closed" "$aside"
    mount -t tmpfs -o mode=755 none "$closed"
    while [ "$count" -gt 0 ]; do
        mkdir -p "$1"
        mount --rbind "$aside${1#"$closed"}" "$1"
        count=$((count - 1))
        shift
    done
    umount --lazy "$aside"
    rmdir "$aside"
done
shift
exec "$@"
"""


def readable_by_all(*directories: Path) -> Sequence[str]:
    """A prefix for commands, run as root: behind it every user can enter these directories.

    It makes a mount namespace in which each closed directory above them has nothing but them in it. Empty
    where none is closed.
    """
    wanted: dict[Path, list[str]] = {}
    for directory in dict.fromkeys(directories):
        for above in reversed(directory.parents):
            if not above.stat().st_mode & stat.S_IXOTH:
                wanted.setdefault(above, []).append(str(directory))
                break
    if not wanted:
        return ()
    arguments = [
        argument for closed, below in wanted.items() for argument in (str(closed), str(len(below)), *below)
    ]
    return ("unshare", "--mount", "sh", "-c", _OPEN, "sh", *arguments, "--")
