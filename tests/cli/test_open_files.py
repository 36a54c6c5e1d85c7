"""How many files may stay open: within the limits of this process and of its cgroup."""

import resource

from swap_exporter.cli.open_files import MOST_BYTES, open_file_budget, raise_descriptor_limit
from swap_exporter.sampling.tracked import OPEN_FILE_BYTES
from tests.sampling.children import forked


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    def check() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)

    forked(check)


def test_two_thirds_of_what_may_be_open() -> None:
    def check() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
        assert open_file_budget("/proc", "/sys/fs/cgroup") == 200

    forked(check)


def test_however_much_there_is_not_more_than_this() -> None:
    assert 0 < open_file_budget("/proc", "/sys/fs/cgroup") * OPEN_FILE_BYTES <= MOST_BYTES


def test_where_no_cgroup_can_be_told_the_descriptors_bound_it() -> None:
    def check() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
        assert open_file_budget("/nowhere", "/nowhere") == 200

    forked(check)
