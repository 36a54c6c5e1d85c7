"""The endpoints of the exporter: from a request to a response."""

from collections.abc import Callable
from itertools import chain
from threading import Lock
from typing import Protocol

from swap_exporter.exposition.exporter import Reload
from swap_exporter.exposition.own import own_metrics
from swap_exporter.exposition.render import Renderer, families
from swap_exporter.http.message import Request, Response, plain
from swap_exporter.page.landing import HEADERS, landing_page
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.sample import Instant
from swap_exporter.web.workers import PATH as WORKERS_PATH
from swap_exporter.web.workers import workers_document

HEALTHY_PATH = "/-/healthy"
READY_PATH = "/-/ready"
RELOAD_PATH = "/-/reload"


class ReloadInProgressError(Exception):
    """Another reload is in progress."""


class Reloader(Protocol):
    @property
    def state(self) -> Reload: ...

    def reload(self, *, wait: bool) -> int:
        """Reload the configuration; return the number of mistakes, which are in the log.

        `wait`: wait for a reload in progress. Otherwise raises ReloadInProgressError.
        """


class Application:
    """The landing page, metrics, workers, health, readiness and reload."""

    def __init__(
        self,
        pipeline: Pipeline,
        reloader: Reloader,
        *,
        telemetry_path: str,
        exporter_metrics: bool,
        enable_lifecycle: bool,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        """``trouble``: why the exporter is not healthy, in one line, or ``None``."""
        self._pipeline = pipeline
        self._reloader = reloader
        self._exporter_metrics = exporter_metrics
        self._trouble = trouble
        self._enable_lifecycle = enable_lifecycle
        self._telemetry_path = telemetry_path
        self._renderer = Renderer()
        self._landing_lock = Lock()
        self._landing: tuple[Instant, bytes] | None = None
        """The page of the last sample, rendered once for all requests."""
        self._pages = {
            "/": self._landing_page,
            HEALTHY_PATH: self._healthy,
            READY_PATH: self._ready,
            WORKERS_PATH: self._workers,
            telemetry_path: self._metrics,
        }

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.path == RELOAD_PATH:
            return self._reload(request)
        page = self._pages.get(request.path)
        if page is None:
            return plain(404, f"not found; metrics are at {self._telemetry_path}")
        if request.method not in ("GET", "HEAD"):
            return plain(405, "expected GET", {"Allow": "GET, HEAD"})
        try:
            return page(request)
        except TimeoutError:
            return plain(503, "the sample took longer than the scrape timeout")

    def _metrics(self, request: Request) -> Response:
        assessment, reload = self._pipeline.latest(request.deadline), self._reloader.state
        metrics = families(assessment, reload)
        if self._exporter_metrics:
            metrics = chain(metrics, own_metrics())
        rendered = self._renderer.render(
            metrics,
            request.headers.get("accept", ""),
            request.headers.get("accept-encoding", ""),
            of=(assessment.sample.at, reload),
        )
        headers = {"Vary": "Accept, Accept-Encoding"}
        if rendered.encoding:
            headers["Content-Encoding"] = rendered.encoding
        return Response(200, rendered.body, headers, rendered.content_type)

    def _landing_page(self, request: Request) -> Response:
        assessment = self._pipeline.latest(request.deadline)
        at = assessment.sample.at
        with self._landing_lock:
            if self._landing is None or self._landing[0] != at:
                self._landing = at, landing_page(assessment, self._telemetry_path).encode()
            page = self._landing[1]
        return Response(200, page, HEADERS, "text/html; charset=utf-8")

    def _workers(self, request: Request) -> Response:
        assessment = self._pipeline.latest(request.deadline)
        if not assessment.sample.complete:
            return plain(503, "the last sample is incomplete: workers are unknown until the next one")
        return Response(200, workers_document(assessment), content_type="application/json")

    def _healthy(self, request: Request) -> Response:
        trouble = self._trouble()
        return plain(200, "healthy") if trouble is None else plain(503, f"not healthy: {trouble}")

    def _ready(self, request: Request) -> Response:
        # The server starts after the first sample, so a running server is ready.
        return plain(200, "ready")

    def _reload(self, request: Request) -> Response:
        if request.method != "POST":
            return plain(405, "expected POST", {"Allow": "POST"})
        if not self._enable_lifecycle:
            return plain(403, "reloading over HTTP is off: start with --web.enable-lifecycle, or send SIGHUP")
        # Browsers send one of these with every POST, other clients do not. No page here sends a reload, so
        # the request comes from another site.
        if "origin" in request.headers or "sec-fetch-site" in request.headers:
            return plain(403, "a web page cannot reload the configuration")
        try:
            mistakes = self._reloader.reload(wait=False)
        except ReloadInProgressError:
            return plain(409, "another reload is in progress")
        if mistakes:
            # Only the number of mistakes: their text quotes the file.
            return plain(500, f"the running configuration stays; mistakes: {mistakes}, see the log")
        return plain(200, "reloaded")
