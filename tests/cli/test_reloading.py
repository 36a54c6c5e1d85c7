"""Reloads that come at the same time, over a real pipeline."""

import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from swap_exporter.cli.serve import _Reloader
from swap_exporter.systemd import Supervisor
from swap_exporter.web.application import ReloadInProgressError
from tests.cli.test_health import Exporter

DEADLINE = 60.0
CLIENTS = 20


def test_a_flood_of_requests_does_not_pass_a_reload_that_waits(tmp_path: Path) -> None:
    """The main thread waits after SIGHUP, and takes no sample meanwhile."""
    configuration = tmp_path / "own.yml"
    lines = (f"  - {{name: 'group{n}', cmdline: ['^server{n} [a-z]+$']}}\n" for n in range(100))
    configuration.write_text(f"catalog: false\nprocess_names:\n{''.join(lines)}")
    pipeline = Exporter(tmp_path, "15s").pipeline
    reloader, stop, reloaded = _Reloader(str(configuration), pipeline, Supervisor({})), Event(), list[float]()

    def post() -> None:
        while not stop.is_set():
            with suppress(ReloadInProgressError):
                assert reloader.reload(wait=False) == 0
                reloaded.append(time.monotonic())

    threads = [Thread(target=post) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    passed = []
    try:
        for _ in range(5):
            before, end = len(reloaded), time.monotonic() + DEADLINE
            while len(reloaded) == before:
                assert time.monotonic() < end
                time.sleep(0.01)
            before = len(reloaded)
            assert reloader.reload(wait=True) == 0
            passed.append(len(reloaded) - before)
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE)
        pipeline.stop()
    # The one that is in progress, one that begins as the wait does, and one that ends as this one does.
    assert max(passed) <= 3, passed
