"""``explain`` from outside: beside a running exporter and without one, of real processes."""

import json
import os
import re
import subprocess
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from swap_exporter.assessment.worker import assess_worker
from swap_exporter.cli.explain import observed_activity, reported_activity
from swap_exporter.client.workers import Worker
from swap_exporter.grouping.roles import Role
from swap_exporter.history.activity import Activity
from swap_exporter.history.history import History
from swap_exporter.settings import Configuration, Idle
from tests.cli.network import private_network
from tests.cli.test_cli import run
from tests.making import entry, grouping, member, process, sample
from tests.system.waiting import wait_until

NOBODY = "--from=http://127.0.0.1:1"
"""No program listens there, wherever the tests run."""

HASTE = "tick: 200ms\nmin_sample_interval: 100ms\nidle: {after: 2s, window: 1s}\n"


@contextmanager
def sleeping(*argv):
    process = subprocess.Popen(argv, executable="/bin/sleep")
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait(60)


@pytest.fixture
def dormouse():
    # sleep adds its arguments up.
    with sleeping("dormouse", "60", "0.125") as pid:
        yield pid


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.yml"
    path.write_text(
        HASTE + "process_names:\n"
        "  - {name: early, exe: [marmot]}\n"
        "  - {name: sleepers, exe: [dormouse]}\n"
        "  - {name: late, cmdline: ['^dormouse']}\n"
    )
    return path


def explained(pid, *arguments, **rest):
    ended = run("explain", str(pid), *arguments, **rest)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def workers(url):
    with urlopen(f"{url}/api/workers", timeout=30) as answer:
        return {row["pid"]: row for row in json.load(answer)["workers"]}


def test_beside_a_running_exporter_it_shows_what_that_knows(started, own, dormouse):
    url = f"http://{started('--web.listen-address=127.0.0.1:0', f'--config.file={own}')}"
    wait_until("the exporter calls it idle", lambda: workers(url)[dormouse]["activity"] == "idle")
    for given in (url, f"{url}/metrics", f"{url}/api/workers"):
        text = explained(dormouse, f"--config.file={own}", f"--from={given}")
        assert re.search(rf"^exporter   {url}/api/workers, sample of \d+s ago$", text, re.M)
        assert re.search(
            r"^activity   idle for \d+s: watched for at least 2s, and never used more CPU than its group "
            r"uses at rest \(learned, at most 0.40% of a core\) in it; a health check a minute does "
            r"not count$",
            text,
            re.M,
        )
        assert re.search(r"^residency  resident: 0 B of \d+(\.\d)? KiB were pushed out", text, re.M)
    elsewhere = explained(dormouse, f"--from={url}")
    assert "group      none: no entry claims it" in elsewhere
    assert "; it has the process as worker in sleepers\nactivity   idle for " in elsewhere


def test_the_answer_has_no_titles(started, own, dormouse):
    url = f"http://{started('--web.listen-address=127.0.0.1:0', f'--config.file={own}')}"
    with urlopen(f"{url}/api/workers", timeout=30) as answer:
        body = answer.read()
    assert b"sleepers" in body
    assert b"dormouse" not in body
    assert b"0.125" not in body


def test_without_an_exporter_it_says_why_and_what_it_sees_itself(own, dormouse):
    text = explained(dormouse, f"--config.file={own}", NOBODY)
    assert (
        "exporter   http://127.0.0.1:1/api/workers: Connection refused; this is from one sample\n"
        "activity   unknown: takes 2s of watching, as a running exporter does\n"
    ) in text


def test_an_exporter_that_does_not_know_the_process(started, own, dormouse):
    url = f"http://{started('--web.listen-address=127.0.0.1:0')}"
    text = explained(dormouse, f"--config.file={own}", f"--from={url}")
    assert "; it has the process in no group: another configuration, or another /proc\n" in text
    assert "activity   unknown: takes 2s" in text
    text = explained(dormouse, f"--from={url}")
    assert text.endswith("s ago; it has the process in no group\n")


def test_an_exporter_with_users_and_its_own_ca(started, secured, own, dormouse):
    web, http = secured
    address = started("--web.listen-address=127.0.0.1:0", f"--config.file={own}", f"--web.config.file={web}")
    given = (f"--config.file={own}", f"--from=https://{address}")
    text = explained(dormouse, *given, f"--http.config.file={http}")
    assert re.search(rf"^exporter   https://{address}/api/workers, sample of \d+s ago$", text, re.M)
    assert "its certificate is refused" in explained(dormouse, *given)
    without = http.with_name("without.yml")
    without.write_text("tls_config: {ca_file: ca.crt}")
    text = explained(dormouse, *given, f"--http.config.file={without}")
    assert "/api/workers: answers 401 Unauthorized: it needs a user and a password, which" in text
    ended = run("explain", str(dormouse), f"--http.config.file={web}")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "unknown key" in ended.stderr


def test_the_default_address_is_that_of_an_exporter_on_this_host(started, own, dormouse):
    with private_network() as inside:
        text = explained(dormouse, f"--config.file={own}", before=inside)
        assert "exporter   http://127.0.0.1:10059/api/workers: Connection refused; " in text
        started(f"--config.file={own}", before=inside)
        text = explained(dormouse, f"--config.file={own}", before=inside)
        assert "exporter   http://127.0.0.1:10059/api/workers, sample of " in text


def test_it_tells_why_a_process_is_in_no_group():
    assert "group      none: no entry claims it" in explained(os.getpid(), NOBODY)
    text = explained(os.getpid(), NOBODY, "--all")
    assert "gunicorn:{{.Matches.app}}: no, cmdline[0] is not found in its title" in text


def test_the_entry_that_claims_a_process_is_shown_and_the_others_if_asked_for(own, dormouse):
    given = (f"--config.file={own.name}", NOBODY)
    text = explained(dormouse, *given, cwd=own.parent)
    assert "group      sleepers\nentry      own.yml:6 sleepers\nrole       worker: " in text
    assert not re.search("early|late|catalog|entries", text)
    text = explained(dormouse, *given, "--all", cwd=own.parent)
    assert text.endswith(
        "entries, in the order in which they are tried:\n"
        "  own.yml:5 early: no, exe: argv[0] is 'dormouse', not one of 'marmot'\n"
        "  own.yml:6 sleepers: claims it\n"
        "  own.yml:7 late: would, but an earlier entry claims it\n"
    )


def test_a_process_that_the_catalogue_may_not_add_to_a_group_of_the_users(tmp_path):
    (tmp_path / "own.yml").write_text("process_names: [{name: 'php-fpm:www', comm: [never]}]\n")
    with sleeping("php-fpm: pool www", "60") as pid:
        text = explained(pid, "--config.file=own.yml", NOBODY, "--all", cwd=tmp_path)
        exposed = run("once", "--config.file=own.yml", cwd=tmp_path).stdout
    reason = "an entry of yours names that group, and the catalogue adds nothing to it"
    assert re.search(rf"^group      none: catalog\.yaml:\d+ php-fpm:.* claims it, but {reason}$", text, re.M)
    assert re.search(rf"^  catalog\.yaml:\d+ php-fpm:.*: would, but {reason}$", text, re.M)
    assert "claims it\n" not in text
    assert 'swap_group_processes{group="php-fpm:www",role="worker"} 0.0' in exposed


LEARNED = Idle(after=300, cpu=0.004, window=60)
EXACT = Idle(after=300, cpu=0.02, window=60, cpu_is_exact=True)
MORE = "more CPU than its group uses at rest (learned, at most 0.40% of a core)"
EXACTLY = "at least 2.00% of a core over 1m, which the configuration sets"
UNCLEAR = "not yet seen at rest: what it used, less than 0.40% of a core, may be rest or work"
CHECKS = "; a health check a minute does not count"


def reported(state, idle):
    worker = Worker(10, 100, "shop", Role.WORKER, state, False, 1000.0, 0, 0)
    return reported_activity(worker, entry(idle=idle) if idle else None, 1720.0)


@pytest.mark.parametrize(
    ("state", "idle", "text"),
    [
        ("busy", LEARNED, f"busy: used {MORE} within the last 5m"),
        ("busy", EXACT, f"busy: used {EXACTLY}, within the last 5m"),
        ("idle", LEARNED, f"idle for 12m: watched for at least 5m, and never used {MORE} in it{CHECKS}"),
        ("idle", EXACT, f"idle for 12m: watched for at least 5m, and never used {EXACTLY} in it"),
        ("unknown", LEARNED, f"unknown: not watched for 5m yet, or {UNCLEAR}"),
        ("unknown", EXACT, "unknown: not watched for 5m yet"),
        (
            "busy",
            None,
            "busy: used more CPU than its group uses at rest (learned, at most idle.cpu) "
            "within the last idle.after",
        ),
    ],
)
def test_what_a_running_exporter_means_by_activity(state, idle, text):
    assert reported(Activity(state), idle) == text


def observed(idle, seconds, cpu):
    """The text about a worker that was watched for ``seconds`` and used ``cpu`` of a core."""
    history = History(Configuration())
    for second in range(0, seconds + 1, 15):
        of = member(process(cpu=cpu * second, timeslices=second), entry(idle=idle))
        taken = sample(second, [of.process])
        observation = history.observe(taken, grouping([of]))
    [(seen, watch)] = observation.activity["shop"].alive
    return observed_activity(assess_worker(seen, watch, taken.at), taken.at)


@pytest.mark.parametrize(
    ("idle", "seconds", "cpu", "text"),
    [
        (LEARNED, 285, 0.0, "unknown: takes 5m of watching, as a running exporter does"),
        (LEARNED, 300, 0.0, f"idle: watched for at least 5m, and never used {MORE} in it{CHECKS}"),
        (LEARNED, 600, 0.002, f"unknown: {UNCLEAR}"),
        (LEARNED, 600, 0.1, f"busy: used {MORE} within the last 5m"),
        (EXACT, 600, 0.002, f"idle: watched for at least 5m, and never used {EXACTLY} in it"),
        (EXACT, 600, 0.1, f"busy: used {EXACTLY}, within the last 5m"),
    ],
)
def test_what_one_sample_and_the_state_file_mean_by_activity(idle, seconds, cpu, text):
    assert observed(idle, seconds, cpu) == text
