"""A real terminal: tmux runs a command in it, and its screen can be read."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from itertools import count
from types import TracebackType
from typing import Self

from tests.require import require

ENDED = "ended with status"
_numbers = count()


class Terminal:
    """So many columns and rows, in which one command runs; a context, and the terminal is gone at its end."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        columns: int = 80,
        rows: int = 60,
    ) -> None:
        require(shutil.which("tmux"), "tmux is not installed: apt install tmux")
        # A server of its own, with no configuration of anybody's.
        self._tmux = ["tmux", "-f", "/dev/null", "-L", f"swap-exporter-test-{os.getpid()}-{next(_numbers)}"]
        self._size = ["-x", str(columns), "-y", str(rows)]
        self._shell = f"{shlex.join(command)}; echo {ENDED} $?; exec sleep 300"
        self._environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self._environment |= {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **(environment or {})}

    def __enter__(self) -> Self:
        self._run("new-session", "-d", *self._size, self._shell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("kill-server")

    def screen(self, *, colours: bool = False) -> str:
        """What stands on it now; with ``colours`` the escape sequences that draw them too."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else []))

    def press(self, key: str) -> None:
        """As tmux names keys: ``C-c``."""
        self._run("send-keys", key)

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._tmux, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
