"""The exporter as it is measured: every collector on, each request a sample of its own."""

from pathlib import Path

from swap_exporter.cli.flags import Options, parse


def configuration(names: int) -> str:
    """YAML: a group for each name of the idle processes. process-exporter reads its `process_names`."""
    listed = ", ".join(f"bench-{number}" for number in range(names))
    return f"""process_names:
- name: "{{{{.Comm}}}}"
  comm: [{listed}]
"""


def every_time(configuration: str) -> str:
    """The same for swap-exporter, without its catalogue and without sharing a sample among requests."""
    return f"{configuration}catalog: false\nmin_sample_interval: 1ms\n"


def hurried(configuration: str) -> str:
    """The same, but whatever takes time to be known is known within seconds."""
    return (
        f"{configuration}tick: 2s\nrate_window: 1s\nidle: {{after: 3s, window: 1s}}\nquiet: {{window: 1s}}\n"
    )


def options(config_file: Path) -> Options:
    return parse([*flags(config_file)])


def flags(config_file: Path) -> list[str]:
    """Delay accounting is off by default in Linux, and so nobody is asked for it."""
    return [f"--config.file={config_file}", "--no-collector.taskstats"]
