"""Pieces of PromQL that the panels share."""

HOST = '{instance=~"$instance"}'
GROUP = '{instance=~"$instance", group=~"$group"}'
RATE = "[$__rate_interval]"

VERDICT = f"instance_group:swap_group_verdict:max{GROUP}"
HELD = f"instance_group:swap_group_swap_proportional_bytes:sum{GROUP}"
SOME_IN_SWAP = f"(max by (instance, group) ({VERDICT}) > 1)"
