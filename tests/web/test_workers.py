"""``/api/workers``: what it says of each process, that the page describes it, and who gets it."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from swap_exporter.assessment import Assessment, assess, of_the_host_alone
from swap_exporter.exposition.exporter import Reload
from swap_exporter.history.history import History
from swap_exporter.settings import Configuration
from swap_exporter.web.application import Application
from swap_exporter.web.workers import VERSION, workers_document
from tests.exposition.test_exposition import assessed
from tests.http.serving import get, serving
from tests.making import MIB, grouping, instant, member, process, sample

PAGE = Path(__file__).parents[2] / "docs/api.md"


def rows(assessment: Assessment) -> dict[int, dict[str, Any]]:
    return {row["pid"]: row for row in json.loads(workers_document(assessment))["workers"]}


def test_each_process_of_a_group_has_its_verdict() -> None:
    assert rows(assessed()) == {
        pid: {
            "pid": pid,
            "start_ticks": 100,
            "start_time": 1_000_001,
            "group": "shop",
            "role": role,
            "activity": activity,
            "residency": residency,
            "idle_since": idle_since,
            "swap_bytes": swap,
            "displaced_bytes": displaced,
        }
        for pid, role, activity, residency, idle_since, swap, displaced in (
            (10, "master", "busy", "resident", None, 0, 0),
            (11, "worker", "idle", "swapped", 1_001_000, 100 * MIB, 100 * MIB),
            (12, "worker", "busy", "resident", None, 40 * MIB, 0),
        )
    }


def test_what_is_not_known_is_null() -> None:
    early = rows(assessed(seconds=30, swap=None))[11]
    assert (early["activity"], early["idle_since"]) == ("unknown", None)
    assert (early["swap_bytes"], early["displaced_bytes"]) == (None, None)


def test_the_sample_has_its_time_and_the_format_its_version() -> None:
    content = json.loads(workers_document(assessed()))
    assert (content["time"], content["clock_ticks_per_second"]) == (1_001_300, 100)
    assert content["version"] == VERSION == 1
    assert f"`version` is {VERSION}" in PAGE.read_text()


def test_the_page_has_every_field_and_no_other() -> None:
    content = json.loads(workers_document(assessed()))
    fields = {f"workers[].{field}" for row in content.pop("workers") for field in row} | set(content)
    section = PAGE.read_text().partition("\n## /api/workers\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_.\[\]]+)` \|", section, re.M)) == fields


def test_the_time_of_a_start_counts_suspend_and_does_not_wander() -> None:
    known = set()
    history = History(Configuration())
    for second in range(4):
        at = instant(1000 + second, suspended=50)
        at = at._replace(wall=at.wall + second / 1000)
        members = [member(process(10, start=1020.0, swap=1))]
        observation = history.observe(sample(at, [each.process for each in members]), grouping(members))
        known.add(rows(assess(observation, Configuration()))[10]["start_time"])
    assert known == {1_001_020}


def test_ended_processes_are_left_out_and_names_are_ascii() -> None:
    name = 'a"\n\x1b[31m\u202e'
    history = History(Configuration())
    members = [member(process(10), group=name), member(process(11, state="Z"), group=name)]
    observation = history.observe(sample(1000, [each.process for each in members]), grouping(members))
    body = workers_document(assess(observation, Configuration()))
    assert body.isascii()
    assert {row["pid"]: row["group"] for row in json.loads(body)["workers"]} == {10: name}


class Pipeline:
    """Gives an assessment after a while, and counts how many wait for it."""

    def __init__(self, assessment: Assessment, seconds: float = 0.0) -> None:
        self._assessment, self._seconds = assessment, seconds
        self._lock = threading.Lock()
        self._waiting = 0
        self.most = 0

    def latest(self, deadline: float) -> Assessment:
        with self._lock:
            self._waiting += 1
            self.most = max(self.most, self._waiting)
        time.sleep(self._seconds)
        with self._lock:
            self._waiting -= 1
        return self._assessment


class Reloader:
    state = Reload(successful=True, last_success=0.0)

    def reload(self) -> str | None:
        return None


def application(pipeline: Any) -> Application:
    return Application(
        pipeline, Reloader(), telemetry_path="/metrics", exporter_metrics=False, enable_lifecycle=False
    )


def test_it_is_served_as_json() -> None:
    with serving(application(Pipeline(assessed())).answer) as server:
        answer = get(server, "/api/workers")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
        assert answer.read() == workers_document(assessed())


def test_a_sample_that_broke_off_is_no_empty_list() -> None:
    broken = assessed().sample
    object.__setattr__(broken, "complete", False)
    with serving(application(Pipeline(of_the_host_alone(broken))).answer) as server:
        answer = get(server, "/api/workers")
        assert (answer.status, answer.read()[:26]) == (503, b"the last sample is incompl")


def test_it_is_behind_the_same_gate_as_the_metrics() -> None:
    pipeline = Pipeline(assessed(), seconds=0.2)
    with serving(application(pipeline).answer, max_requests=2) as server, ThreadPoolExecutor(8) as clients:
        paths = ["/metrics", "/api/workers"] * 4
        statuses = set(clients.map(lambda path: get(server, path).status, paths))
    assert pipeline.most <= 2
    assert 200 in statuses
    assert statuses <= {200, 503}


def test_it_is_behind_the_same_users_as_the_metrics(tmp_path: Path) -> None:
    bcrypt = pytest.importorskip("bcrypt")
    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users: {{alice: {bcrypt.hashpw(b'right', bcrypt.gensalt(4)).decode()}}}\n")
    with serving(application(Pipeline(assessed())).answer, web_config=web) as server:
        for path in ("/metrics", "/api/workers"):
            assert get(server, path).status == 401
            assert get(server, path, {"Authorization": "Basic YWxpY2U6cmlnaHQ="}).status == 200
