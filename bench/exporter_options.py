"""Configuration and flags of the measured exporter: all collectors but taskstats, one sample per request."""

from pathlib import Path

from swap_exporter.cli.flags import Options, parse


def configuration(names: int) -> str:
    """YAML with one group per name of the idle processes. process-exporter reads the same `process_names`."""
    listed = ", ".join(f"bench-{number}" for number in range(names))
    return f"""process_names:
- name: "{{{{.Comm}}}}"
  comm: [{listed}]
"""


def sample_each_request(configuration: str) -> str:
    """The configuration for swap-exporter: no catalogue, and requests do not share samples."""
    return f"{configuration}catalog: false\nmin_sample_interval: 1ms\n"


def options(config_file: Path) -> Options:
    return parse([*flags(config_file)])


def flags(config_file: Path) -> list[str]:
    """Without taskstats, because Linux has delay accounting off by default."""
    return [f"--config.file={config_file}", "--no-collector.taskstats"]
