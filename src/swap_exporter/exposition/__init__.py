"""An assessment as Prometheus metric families.

Every name, label and HELP text that is exposed stands in one of the modules of this package: groups, host,
exporter. A value that is not known gives no sample, and a family without samples is left out.
"""
