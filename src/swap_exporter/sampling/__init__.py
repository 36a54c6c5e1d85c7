"""One pass over /proc and the host: a :class:`~swap_exporter.sampling.sample.Sample`."""
