"""The JSON that scripts rely on: what docs/report.md says of it, field for field."""

import json
import re
from pathlib import Path

from swap_exporter.grouping.roles import Role
from swap_exporter.report.as_json import VERSION, document
from tests.making import MIB, member, process
from tests.report.making import exported_group, host, reading, report

PAGE = Path(__file__).parents[2] / "docs/report.md"


def full(**rest):
    members = [
        member(process(9, swap=MIB), role=Role.MASTER),
        member(process(10, swap=100 * MIB), group="shop"),
    ]
    others = [process(20, swap=7)]
    group = exported_group(
        1, stranded=50 * MIB, longest_idle_since=1_000_900.0, wake_bytes=9, wake_seconds=0.5
    )
    of = reading(members, others, host(used=200 * MIB, sysv_shm=4096), exported={"shop": group})
    return json.loads(document(report(of, processes=True, **rest)))


def paths(value, at=""):
    """Every field, as the page writes it: groups[].members[].pid."""
    if isinstance(value, list):
        return {path for each in value for path in paths(each, f"{at}[]")}
    if isinstance(value, dict):
        return {path for key, each in value.items() for path in paths(each, f"{at}.{key}".lstrip("."))}
    return {at}


def test_the_page_has_every_field_and_no_other():
    described = set(re.findall(r"^\| `([a-z_.\[\]]+)` \|", PAGE.read_text(), re.M))
    assert described == paths(full())


def test_its_version_is_the_page_s():
    assert full()["version"] == VERSION == 1
    assert f"`version` is {VERSION}" in PAGE.read_text()


def test_what_is_not_known_is_null():
    content = json.loads(document(report(reading([member(process(10, swap=None))]))))
    [group] = content["groups"]
    assert group["swap_bytes"] is None
    assert group["idle_workers"] is None
    assert content["exporter"] is None
    assert content["no_process"] is None


def test_numbers_are_exact():
    content = full()
    assert content["host"]["swap_used_bytes"] == 200 * MIB
    assert content["groups"][0]["swap_bytes"] == 101 * MIB
    assert content["groups"][0]["state"] == "stranded"
    assert content["no_process"] == {
        "sysv_shm_bytes": 4096,
        "swap_cache_bytes": 0,
        "shared_memory_bytes": 99 * MIB - 4096 - 7,
        "repeated_bytes": 0,
    }


def test_a_hostile_name_stays_one_string_of_ascii():
    name = 'a"\n\x1b[31m\u202e'
    text = document(report(reading([member(process(10), group=name)])))
    assert text.isascii()
    assert json.loads(text)["groups"][0]["group"] == name
