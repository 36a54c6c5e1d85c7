"""The exporter's own metrics equal those of the client library's collector, however many files are open."""

import os
import resource

import pytest
from prometheus_client import PROCESS_COLLECTOR

from swap_exporter.exposition.own import own_metrics


def process_metrics(families):
    return {
        sample.name: (family.type, family.documentation, sample.value)
        for family in families
        for sample in family.samples
        if sample.name.startswith("process_")
    }


def test_names_types_help_and_values_are_those_of_the_library():
    own, theirs = process_metrics(own_metrics()), process_metrics(PROCESS_COLLECTOR.collect())
    assert own.keys() == theirs.keys()
    for name, (kind, documentation, value) in theirs.items():
        assert own[name][:2] == (kind, documentation)
        assert own[name][2] == pytest.approx(value, rel=0.1, abs=2)


def test_open_files_are_counted():
    before = process_metrics(own_metrics())["process_open_fds"][2]
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try:
        assert process_metrics(own_metrics())["process_open_fds"][2] == before + 100
    finally:
        for descriptor in opened:
            os.close(descriptor)
    assert (
        process_metrics(own_metrics())["process_max_fds"][2] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    )


def test_python_metrics_are_included():
    names = {family.name for family in own_metrics()}
    assert {"python_info", "python_gc_collections"} <= names
