"""What the running exporter answers at its paths."""

import http.client
import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from swap_exporter import config
from swap_exporter.cli import flags, wiring
from swap_exporter.exposition.exporter import Reload
from swap_exporter.http.message import Request
from swap_exporter.web.application import Application
from tests.system.exporter import Exporter

GENEROUS = 30.0
ONE_SAMPLE = "process_names: []\nmin_sample_interval: 10m\ntick: 1m\n"
NEWEST = "application/openmetrics-text;version=9.9.9"


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    exporter = Exporter(ONE_SAMPLE).start()
    try:
        yield exporter
    finally:
        exporter.end()


def get(exporter: Exporter, path: str, headers: Mapping[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=GENEROUS)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()


@pytest.mark.parametrize("encoding", ["identity", "gzip", "gzip; Q=0"])
def test_caches_learn_what_the_metrics_depend_on(exporter: Exporter, encoding: str) -> None:
    answer, _ = get(exporter, "/metrics", {"Accept-Encoding": encoding})
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    assert answer.headers["Content-Encoding"] == ("gzip" if encoding == "gzip" else None)


def test_an_unknown_version_is_not_named(exporter: Exporter) -> None:
    answer, body = get(exporter, "/metrics", {"Accept": NEWEST})
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert not body.endswith(b"# EOF\n")


def test_all_who_ask_for_one_sample_get_the_same_bytes(exporter: Exporter) -> None:
    # CPU seconds of the exporter itself are in them: encoded again they would be others.
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(get, exporter, "/metrics", {}) for _ in range(100)]
        assert len({each.result()[1] for each in asked}) == 1


class NeverReloaded:
    state = Reload(successful=True, last_success=0.0)

    def reload(self) -> str | None:
        return None


@pytest.mark.parametrize("path", ["/metrics", "/"])
def test_answers_of_one_sample_share_their_memory(path: str) -> None:
    configuration = config.parse(ONE_SAMPLE.encode(), "test.yml")
    pipeline = wiring.pipeline(flags.parse([]), configuration)
    application = Application(
        pipeline, NeverReloaded(), telemetry_path="/metrics", exporter_metrics=True, enable_lifecycle=False
    )
    request = Request("GET", path, "", {}, math.inf, None)
    first = application.answer(request)
    assert application.answer(request).body is first.body
    pipeline.configure(configuration)  # the next sample is a new one
    assert application.answer(request).body is not first.body
    pipeline.stop()
