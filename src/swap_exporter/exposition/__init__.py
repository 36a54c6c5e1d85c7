"""An assessment as Prometheus metric families.

Each metric is one row of a table: name, type, labels, help, and how its value comes from the assessment.
There is a table per subject: groups, host, devices, cgroups, exporter. ``make metrics`` writes
tests/deploy/contract.txt and docs/metrics.md from them. An unknown value gives no series, and a metric
without series is left out.
"""
