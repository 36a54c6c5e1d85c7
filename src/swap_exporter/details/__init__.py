"""The closer look at one sample after grouping: SwapPss, delays, cgroups, clocks of threads."""
