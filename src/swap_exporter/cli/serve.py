"""``serve``: the daemon. Its main thread ticks and waits for signals; the web server's threads answer."""

import signal
from pathlib import Path
from threading import Lock

from swap_exporter import __version__, config, log
from swap_exporter.cli import wiring
from swap_exporter.cli.flags import Options
from swap_exporter.cli.health import Health
from swap_exporter.cli.open_files import open_file_budget, raise_descriptor_limit
from swap_exporter.cli.signals import Signals
from swap_exporter.cli.state import State
from swap_exporter.errors import FatalError
from swap_exporter.exposition.exporter import Reload
from swap_exporter.http.listen import ListenError, systemd_sockets
from swap_exporter.http.server import Server
from swap_exporter.http.web_config import WebConfigError, load_web_config
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now
from swap_exporter.settings import Configuration
from swap_exporter.systemd import Supervisor
from swap_exporter.web.application import (
    HEALTHY_PATH,
    READY_PATH,
    RELOAD_PATH,
    Application,
    ReloadInProgressError,
)

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def serve(options: Options) -> int:
    """Serve until SIGTERM or SIGINT. Raises :class:`FatalError` if it cannot start."""
    log.configure(options.log_level, options.log_format)
    signals = Signals(SIGNALS)
    raise_descriptor_limit()
    configuration = wiring.configuration(options)
    state = State(options)
    max_open_files = open_file_budget(options.procfs, options.cgroupfs)
    pipeline = wiring.pipeline(options, configuration, wiring.restored_state(options), max_open_files)
    supervisor = Supervisor()
    reloader = _Reloader(options.config_file, pipeline, supervisor)
    health = Health(pipeline, supervisor)
    application = Application(
        pipeline,
        reloader,
        telemetry_path=options.telemetry_path,
        exporter_metrics=options.exporter_metrics,
        trouble=health.trouble,
        enable_lifecycle=options.enable_lifecycle,
    )
    server = _server(options, application)
    pipeline.tick()
    try:
        server.start()
    except ListenError as error:
        raise FatalError(str(error)) from error
    log.info(
        "serving", version=__version__, address=",".join(server.addresses), entries=len(configuration.entries)
    )
    supervisor.ready(f"serving on {', '.join(server.addresses)}")
    health.start(server)
    try:
        _run(pipeline, reloader, state, signals)
    finally:
        health.stop()
        supervisor.stopping()
        server.stop()
        pipeline.stop()
        state.end(pipeline)
    log.info("ended")
    return 0


def _run(pipeline: Pipeline, reloader: "_Reloader", state: State, signals: Signals) -> None:
    """Tick until a signal ends the daemon."""
    while True:
        received = signals.wait(pipeline.tick())
        if received is None:
            state.save_if_due(pipeline)
        elif received is signal.SIGHUP:
            reloader.reload(wait=True)
        else:
            log.info("ending", signal=received.name)
            return


def _server(options: Options, application: Application) -> Server:
    try:
        web_config = load_web_config(Path(options.web_config_file)) if options.web_config_file else None
        sockets = systemd_sockets() if options.systemd_socket else ()
        addresses = () if options.systemd_socket else options.listen_addresses
        return Server(
            addresses,
            application.answer,
            web_config=web_config,
            systemd_sockets=sockets,
            max_requests=options.max_requests,
            # Waiting scrapes must not make a service manager kill a healthy exporter.
            unlimited_paths=frozenset({HEALTHY_PATH, READY_PATH, RELOAD_PATH}),
        )
    except WebConfigError as error:
        raise FatalError("\n".join(error.excerpt())) from error
    except ListenError as error:
        raise FatalError(str(error)) from error


class _Reloader:
    """Reloads the configuration on request, and keeps the running one if the new one has mistakes."""

    def __init__(self, path: str | None, pipeline: Pipeline, supervisor: Supervisor) -> None:
        self._path = path
        self._pipeline = pipeline
        self._supervisor = supervisor
        self._lock = Lock()
        self._awaited = False
        self._state = Reload(successful=True, last_success=now().wall)

    @property
    def state(self) -> Reload:
        return self._state

    def reload(self, *, wait: bool) -> int:
        """Reload; return the number of mistakes. Raises ReloadInProgressError unless ``wait``."""
        # The lock is not fair: without this, a flood of requests could starve the main thread.
        if not wait and self._awaited:
            raise ReloadInProgressError
        self._awaited = self._awaited or wait
        if not self._lock.acquire(blocking=wait):
            raise ReloadInProgressError
        try:
            if wait:
                self._awaited = False
            return self._reload()
        finally:
            self._lock.release()

    def _reload(self) -> int:
        self._supervisor.reloading()
        try:
            configuration: Configuration = config.load(self._path)
        except config.ConfigError as error:
            self._state = self._state._replace(successful=False)
            for mistake in error.excerpt():
                log.error("configuration not reloaded, the running one stays", error=mistake)
            count = len(error.mistakes)
            status = f"configuration not reloaded, the running one stays; mistakes: {count}, see the log"
            self._supervisor.ready(status)
            return count
        self._pipeline.configure(configuration)
        self._state = Reload(successful=True, last_success=now().wall)
        log.info("configuration reloaded", entries=len(configuration.entries))
        self._supervisor.ready("configuration reloaded")
        return 0
