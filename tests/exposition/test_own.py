"""The exporter's own metrics say what the client library's collector says, whatever is open."""

import os
import resource

import pytest
from prometheus_client import PROCESS_COLLECTOR

from swap_exporter.exposition.own import own_metrics


def told(families):
    return {
        sample.name: (family.type, family.documentation, sample.value)
        for family in families
        for sample in family.samples
        if sample.name.startswith("process_")
    }


def test_it_says_what_the_library_says():
    own, theirs = told(own_metrics()), told(PROCESS_COLLECTOR.collect())
    assert own.keys() == theirs.keys()
    for name, (kind, documentation, value) in theirs.items():
        assert own[name][:2] == (kind, documentation)
        assert own[name][2] == pytest.approx(value, rel=0.1, abs=2)


def test_open_files_are_counted():
    before = told(own_metrics())["process_open_fds"][2]
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try:
        assert told(own_metrics())["process_open_fds"][2] == before + 100
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert told(own_metrics())["process_max_fds"][2] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_python_tells_of_itself():
    names = {family.name for family in own_metrics()}
    assert {"python_info", "python_gc_collections"} <= names
