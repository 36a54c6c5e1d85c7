"""Builds the parts of the program from the command line."""

import os
from datetime import UTC, datetime

import psutil

from swap_exporter import config, log
from swap_exporter.cli.flags import Options
from swap_exporter.details.details import DetailsReader
from swap_exporter.errors import FatalError
from swap_exporter.grouping.username import username
from swap_exporter.history import state_file
from swap_exporter.history.activity_tracker import PersistedState
from swap_exporter.kernel.errors import KernelFileError
from swap_exporter.kernel.files import read
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner, check_procfs
from swap_exporter.settings import Configuration
from swap_exporter.settings.template import TemplateContext


def configuration(options: Options) -> Configuration:
    """Read the configuration file, or the catalogue alone. Raises :class:`FatalError`."""
    try:
        return config.load(options.config_file)
    except config.ConfigError as error:
        # An excerpt, because a service manager restarts it repeatedly, and each start logs this.
        raise FatalError("\n".join(error.excerpt())) from error


def scanner(options: Options, max_open_files: int = 0) -> Scanner:
    """A scanner of ``--path.procfs``. Raises :class:`FatalError` if that is no proc file system."""
    try:
        check_procfs(options.procfs)
    except KernelFileError as error:
        raise FatalError(f"--path.procfs: {error}") from error
    return Scanner(
        options.procfs,
        options.sysfs,
        cgroups=True,
        collectors=options.collectors,
        max_open_files=max_open_files,
    )


def pipeline(
    options: Options,
    configuration: Configuration,
    persisted: PersistedState | None = None,
    max_open_files: int = 0,
    details_reader: DetailsReader | None = None,
) -> Pipeline:
    """Everything from the kernel's files to an assessment. ``max_open_files``: see :class:`Scanner`; 0 is
    best for a single sample. ``details_reader``: replaces the daemon's. Raises :class:`FatalError`."""
    return Pipeline(
        configuration,
        scanner(options, max_open_files),
        details_reader
        or DetailsReader(
            options.procfs, options.cgroupfs, configuration.proportional, now, options.collectors
        ),
        context(options),
        now,
        persisted,
    )


def context(options: Options) -> TemplateContext:
    """The values of the host for name templates. Raises :class:`FatalError`."""
    boot_time = _boot_time(options.procfs)
    return TemplateContext(boot_time=boot_time, clock_ticks=os.sysconf("SC_CLK_TCK"), username=username)


def _boot_time(procfs: str) -> int:
    """Unix time in seconds at which the host was booted. Raises :class:`FatalError`."""
    psutil.PROCFS_PATH = procfs
    try:
        seconds = int(psutil.boot_time())
        datetime.fromtimestamp(seconds, UTC)  # templates format it: a year past 9999 must fail here
    except OSError as error:
        raise FatalError(f"--path.procfs: {procfs}/stat: {error.strerror}") from error
    except (RuntimeError, LookupError, ArithmeticError, ValueError) as error:
        raise FatalError(f"--path.procfs: {procfs}/stat: expected a line 'btime SECONDS'") from error
    return seconds


def restored_state(options: Options) -> PersistedState | None:
    """The state that an earlier run saved; ``None``, and a line in the log, if it cannot be used."""
    if options.state_file is None:
        return None
    try:
        restored = state_file.load(options.state_file, boot_id(options), now())
    except state_file.StateFileError as error:
        log.info("starting without a state", reason=str(error))
        return None
    log.info("state restored", path=options.state_file, processes=len(restored.states))
    return restored


def boot_id(options: Options) -> str:
    """Random per boot: Documentation/admin-guide/sysctl/kernel.rst, random/boot_id."""
    try:
        return read(f"{options.procfs}/sys/kernel/random/boot_id").decode().strip()
    except KernelFileError as error:
        raise FatalError(f"cannot read boot_id, so --state.file cannot be used: {error}") from error
