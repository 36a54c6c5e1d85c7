"""Headless Chromium, steered over its debugging pipe: what a page looks like to who opens it.

Messages are JSON with a zero byte behind each: https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.system.servers.server import ENVIRONMENT

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-proxy-server",
    "--remote-debugging-pipe",
)
DEADLINE = 60.0
_IN, _OUT = 3, 4


class Chromium:
    """A browser with a profile of its own and one page."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        its_in, to_it = os.pipe()
        from_it, its_out = os.pipe()
        # Above 9, so that neither is in the way of the numbers that Chromium expects.
        theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (its_in, its_out)]
        self._process = subprocess.Popen(
            [
                *("bash", "-c", f'exec "$@" {_IN}<&{theirs[0]} {_OUT}>&{theirs[1]}', "bash"),
                *("chromium", *FLAGS, f"--user-data-dir={self._profile}", "about:blank"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT | {"HOME": self._profile},
            pass_fds=theirs,
            start_new_session=True,
        )
        for end in (its_in, its_out, *theirs):
            os.close(end)
        self._to, self._from = to_it, from_it
        self._received = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        """What happened, besides answers to commands."""

    def __enter__(self) -> Self:
        try:
            target = self.command("Target.createTarget", url="about:blank")["targetId"]
            attached = self.command("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Log", "Network"):
                self.command(f"{domain}.enable")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Its processes are a session of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of one command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(method)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def open(self, url: str) -> None:
        """Load a page, up to its load event."""
        self.events.clear()
        failed = self.command("Page.navigate", url=url).get("errorText")
        assert not failed, failed
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next("the page to load"))

    def look(self, width: int, height: int = 1000, *, dark: bool = False) -> None:
        """Make its window so wide, in CSS pixels, on a desk that is light or dark."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """The value of a script of the debugger's, which no policy of the page forbids."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """All of the page, as PNG."""
        answer = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def _next(self, awaited: str) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"Chromium has not answered within {DEADLINE:g} s: {awaited}"
            received = os.read(self._from, 1 << 16)
            assert received, f"Chromium ended with status {self._process.wait(60)}: {awaited}"
            self._received += received
        message, _, self._received = self._received.partition(b"\0")
        parsed: dict[str, Any] = json.loads(message)
        return parsed


class Size(NamedTuple):
    width: int
    height: int


def png_size(image: bytes) -> Size:
    """From its first chunk, IHDR."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    return Size(int.from_bytes(image[16:20], "big"), int.from_bytes(image[20:24], "big"))
