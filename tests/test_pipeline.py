"""The line from /proc to an assessment: who shares a sample, what a reload keeps, what a broken pass says."""

import os
import resource
import subprocess
from pathlib import Path
from threading import Event, Thread

import pytest

from swap_exporter import config
from swap_exporter.details.details import DetailsReader
from swap_exporter.pipeline import Pipeline
from swap_exporter.sampling.clock import now
from swap_exporter.sampling.scan import Scanner
from swap_exporter.settings.template import TemplateContext
from tests.system.waiting import wait_until

CONTEXT = TemplateContext(boot_time=0, clock_ticks=os.sysconf("SC_CLK_TCK"), username=str)
# No other run on this machine has it.
DORMOUSE = f"dormouse-{os.getpid()}"
DORMICE = f"process_names: [{{name: dormice, exe: [{DORMOUSE}]}}]\ncatalog: false\n".encode()


@pytest.fixture
def dormouse():
    process = subprocess.Popen([DORMOUSE, "60"], executable="/bin/sleep")
    cmdline = Path(f"/proc/{process.pid}/cmdline")
    wait_until("it has its title", lambda: cmdline.read_text().startswith(DORMOUSE), every=0.001)
    yield process
    process.kill()
    process.wait(60)


def pipeline(content=DORMICE, clock=now):
    configuration = config.parse(content, "test.yml")
    details_reader = DetailsReader("/proc", "/sys/fs/cgroup", configuration.proportional, clock)
    return Pipeline(configuration, Scanner(), details_reader, CONTEXT, clock)


def after(last, line):
    """The next assessment, once ``min_sample_interval`` has passed."""
    while now().monotonic - last.sample.at.monotonic < 0.001:
        pass
    return line.latest()


def names(assessment):
    return [group.name for group in assessment.groups]


def test_a_process_of_this_host_is_found_in_its_group(dormouse):
    (group,) = pipeline().latest().groups
    assert [verdict.member.process.pid for verdict in group.verdicts] == [dormouse.pid]


def test_scrapes_at_the_same_time_share_one_sample():
    line, seen = pipeline(DORMICE + b"min_sample_interval: 60s\n"), []
    threads = [Thread(target=lambda: seen.append(line.latest())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 20
    assert len({id(assessment) for assessment in seen}) == 1


def test_a_scrape_waits_for_somebody_elses_sample_no_longer_than_it_may():
    line, begun, end = pipeline(), Event(), Event()

    def slow():
        begun.set()
        end.wait(30)
        return now()

    line._clock = slow
    sampling = Thread(target=line.latest)
    sampling.start()
    begun.wait(30)
    line._clock = now
    with pytest.raises(TimeoutError):
        line.latest(deadline=now().monotonic + 0.05)
    end.set()
    sampling.join(30)
    assert line.latest(deadline=now().monotonic + 30).sample.complete


def test_a_later_scrape_gets_a_sample_of_its_own():
    line = pipeline(DORMICE + b"min_sample_interval: 1ms\n")
    first = line.latest()
    assert after(first, line) is not first


def test_a_tick_samples_only_where_nobody_else_did():
    line = pipeline()
    first = line.latest()
    assert 0 < line.tick() <= 15
    assert line.latest() is first


def test_a_reload_regroups_from_the_next_sample_on(dormouse):
    line = pipeline(DORMICE + b"min_sample_interval: 60s\n")
    assert names(line.latest()) == ["dormice"]
    line.configure(config.parse(DORMICE.replace(b"name: dormice", b"name: mice"), "test.yml"))
    assert names(line.latest()) == ["dormice", "mice"]
    old, new = line.latest().groups
    assert (len(old.verdicts), len(new.verdicts)) == (0, 1)


def test_a_pass_that_breaks_off_says_nothing_of_groups_and_forgets_nothing(dormouse):
    line = pipeline(DORMICE + b"min_sample_interval: 1ms\n")
    first = line.latest()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        broken = after(first, line)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (broken.groups, broken.stranded, broken.sample.complete) == ((), None, False)
    (group,) = after(broken, line).groups
    assert group.verdicts[0].state.since == first.groups[0].verdicts[0].state.since
