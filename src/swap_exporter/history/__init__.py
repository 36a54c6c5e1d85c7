"""What changed since: activity, cold pages, group counters and rates, kept over samples and restarts."""
