"""The answer of ``/api/workers`` of a running exporter. docs/api.md describes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from swap_exporter.client.http import AskError
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.sampling.sample import Identity

VERSION = 1
_PATH = "/api/workers"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Worker:
    """The exporter's verdict on one process. Bytes and Unix time; ``None`` is unknown."""

    pid: int
    start_ticks: int
    group: str
    role: Role
    activity: Activity
    swapped: bool
    idle_since: float | None
    """When it was last active, or first watched; ``None`` unless it is idle."""
    swap: int | None
    displaced: int | None


@dataclass(frozen=True, slots=True)
class Workers:
    at: float
    """Unix time of the exporter's sample."""
    by_identity: Mapping[Identity, Worker]


def workers_url(url: str) -> str:
    """The URL of the workers beside the metrics at ``url``, so that a proxy's prefix is kept."""
    if urlsplit(url).path.endswith(_PATH):
        return url
    return urljoin(url, _PATH.removeprefix("/"))


def parse_workers(url: str, body: bytes) -> Workers:
    """Parse an answer. Raises :class:`AskError` if it is not one of ``/api/workers``."""
    try:
        content = json.loads(body)
        if content["version"] != VERSION:
            version = _is(int, content["version"])
            raise AskError(f"{url}: answers in version {version} of the format, expected {VERSION}")
        rows = [_worker(fields) for fields in _is(list, content["workers"])]
        at = float(_is((int, float), content["time"]))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise AskError(f"{url}: the answer is not a list of workers") from error
    return Workers(at, {(row.pid, row.start_ticks): row for row in rows})


def _worker(fields: Any) -> Worker:
    idle_since = _optional((int, float), fields["idle_since"])
    return Worker(
        pid=_is(int, fields["pid"]),
        start_ticks=_is(int, fields["start_ticks"]),
        group=_is(str, fields["group"]),
        role=Role(fields["role"]),
        activity=Activity(fields["activity"]),
        swapped=fields["residency"] == "swapped",
        idle_since=None if idle_since is None else float(idle_since),
        swap=_optional(int, fields["swap_bytes"]),
        displaced=_optional(int, fields["displaced_bytes"]),
    )


def _optional(kind: type[T] | tuple[type[T], ...], value: Any) -> T | None:
    return None if value is None else _is(kind, value)


def _is(kind: type[T] | tuple[type[T], ...], value: Any) -> T:
    """``value``. Raises TypeError for another type, ValueError for a number below 0, an infinity or NaN."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError
    if isinstance(value, int | float) and not 0 <= value < 2**63:
        raise ValueError
    return value
