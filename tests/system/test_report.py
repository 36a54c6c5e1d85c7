"""``report`` on real servers that really lie in swap, beside what other tools say of the same processes."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import psutil
import pytest

from tests.require import require
from tests.system import independent
from tests.system.cgroup import MemoryCgroup
from tests.system.conftest import Start
from tests.system.exporter import BINARY, Exporter, hurried_catalogue
from tests.system.load import Load
from tests.system.servers.gunicorn import Gunicorn
from tests.system.servers.php_fpm import PhpFpm
from tests.system.waiting import wait_until
from tests.terminal import ENDED, Terminal

MIB = 1 << 20
WORKERS = 8
GROUP = "gunicorn:storefront"
SOON = hurried_catalogue(after=4, window=2)
ALONE = ("unshare", "--net")
"""With a loopback of its own: nothing listens at the port that is asked where none is named."""
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


def report(*options: str, through: Sequence[str] = ()) -> Any:
    """The JSON document; over a fraction of a second."""
    ran = subprocess.run(
        [*through, BINARY, "report", "--json", "--interval=0.3", *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return json.loads(ran.stdout)


def row(content: Any, group: str = GROUP) -> Any:
    [found] = [each for each in content["groups"] if each["group"] == group]
    return found


def storefront() -> Gunicorn:
    return Gunicorn(
        workers=WORKERS, name="storefront", preload=True, shared_megabytes=30, private_megabytes=10
    )


def until_stranded(exporter: Exporter, group: str, workers: int) -> str:
    """The address to ask, once the exporter knows."""
    wait_until(
        f"all workers of {group} are idle and swapped",
        lambda: exporter.scrape().get("swap_group_idle_swapped_workers", group=group) == workers,
    )
    return f"--from=http://127.0.0.1:{exporter.port}"


def test_stranded_workers_of_gunicorn_and_php_fpm(cgroup: MemoryCgroup, start: Start) -> None:
    gunicorn = start(storefront(), cgroup)
    php = start(PhpFpm({"blog": 2, "www": 3}), cgroup)
    exporter = start(Exporter(SOON))
    cgroup.push_out()
    source = until_stranded(exporter, GROUP, WORKERS)
    until_stranded(exporter, "php-fpm:www", 3)

    content = wait_until(
        "nothing comes back",
        lambda: (
            (found := report(source, "--processes"))
            and found["host"]["swapin_bytes_per_second"] == 0
            and found
        ),
    )
    shop, www = row(content), row(content, "php-fpm:www")
    assert (shop["state"], www["state"]) == ("stranded", "stranded")
    assert (shop["workers"], shop["idle_workers"], shop["swapped_workers"]) == (WORKERS, WORKERS, WORKERS)
    assert (www["workers"], www["idle_workers"], www["swapped_workers"]) == (3, 3, 3)
    assert "--threads" in shop["remedy"]
    assert "pm = ondemand" in www["remedy"]
    assert shop["swapin_bytes_per_second"] == 0
    assert shop["longest_idle_seconds"] >= 4
    # The workers' shared heap is in it once, and their own once each.
    assert shop["swap_is_proportional"]
    assert shop["swap_bytes"] == pytest.approx(independent.proportional_swap(*gunicorn.pids()), rel=0.01)
    assert 30 * MIB + WORKERS * 10 * MIB < shop["swap_bytes"] < independent.swap(*gunicorn.pids()) / 2
    assert {member["pid"] for member in shop["members"]} == set(gunicorn.pids())
    assert {member["pid"] for member in www["members"]} == set(php.workers("www"))
    assert f"; {WORKERS + 5} idle workers of {GROUP} and 2 other groups use " in content["verdict"]


def test_without_an_exporter_it_says_what_it_cannot_tell(cgroup: MemoryCgroup, start: Start) -> None:
    start(storefront(), cgroup)
    cgroup.push_out()

    # A heartbeat or two brings some pages of each worker back first.
    content = wait_until(
        "it is at rest",
        lambda: (found := report(through=ALONE)) and row(found)["state"] == "swapped" and found,
    )

    shop = row(content)
    assert content["exporter"] is None
    assert (shop["idle_workers"], shop["stranded_bytes"]) == (None, None)
    assert shop["swapped_workers"] == WORKERS
    assert 10 * MIB < shop["wake_bytes"] < 40 * MIB
    assert (
        f"; {WORKERS} of {WORKERS} workers of {GROUP} are in it, and which workers are idle is unknown"
        in (content["verdict"])
    )


def test_the_rows_add_up_to_what_free_calls_used(cgroup: MemoryCgroup, start: Start) -> None:
    require(shutil.which("free"), "free is not installed: apt install procps")
    start(storefront(), cgroup)
    start(PhpFpm({"www": 2}), cgroup)
    cgroup.push_out()

    def free() -> int:
        listed = subprocess.run(["free", "-b"], capture_output=True, text=True, check=True, timeout=60).stdout
        [line] = [line for line in listed.splitlines() if line.startswith("Swap:")]
        return int(line.split()[2])

    def agrees() -> None:
        before, content, after = free(), report("--top=1"), free()
        parts = content["no_process"]
        rows = [*content["groups"], *content["commands"], content["other_groups"], content["other_commands"]]
        processes = sum(each["swap_bytes"] for each in rows)
        elsewhere = parts["sysv_shm_bytes"] + parts["shared_memory_bytes"] + parts["swap_cache_bytes"]
        used = content["host"]["swap_used_bytes"]
        assert processes + elsewhere - parts["repeated_bytes"] == used
        assert min(before, after) <= used <= max(before, after)
        # Everything that was pushed out here is found with its owner, to within what moves meanwhile. What
        # else is in swap on this machine is not of these processes.
        pushed_out = [each for each in content["groups"] if each["group"].startswith((GROUP, "php-fpm"))]
        assert sum(each["swap_bytes"] for each in pushed_out) > 0.9 * cgroup.swap() > 100 * MIB
        assert parts["repeated_bytes"] < 0.01 * used

    wait_until("free agrees", lambda: agrees() or True, every=0.5)


def test_without_capabilities_it_agrees_with_smem_and_psutil(cgroup: MemoryCgroup, start: Start) -> None:
    require(shutil.which("smem"), "smem is not installed: apt install smem")
    server = start(storefront(), cgroup)
    cgroup.push_out()
    pids = set(server.pids())

    def smem() -> int:
        listed = subprocess.run(
            ["smem", "--no-header", "--columns=pid swap"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        by_pid = dict(map(int, line.split()) for line in listed.splitlines())
        return sum(by_pid[pid] for pid in pids) * 1024

    def agrees() -> None:
        shop = row(report(through=WITHOUT_CAPABILITIES))
        assert not shop["swap_is_proportional"]
        assert shop["swap_bytes"] == smem()
        assert shop["swap_bytes"] == sum(psutil.Process(pid).memory_full_info().swap for pid in pids)
        assert shop["resident_bytes"] == sum(independent.resident(pid) for pid in pids)

    wait_until("smem and psutil agree", lambda: agrees() or True, every=0.5)


def test_workers_that_come_back_are_waking(cgroup: MemoryCgroup, start: Start) -> None:
    server = start(
        Gunicorn(workers=2, name="storefront", private_megabytes=60, options=["--timeout=120"]), cgroup
    )
    # Room for less than a half: each request for all of it reads from swap what the last one pushed out.
    cgroup.limit(60 * MIB)

    with Load(lambda: server.request("/heap"), per_second=20, at_once=2):
        content = wait_until(
            "it is seen to wake", lambda: (found := report()) and row(found)["state"] == "waking" and found
        )

    assert row(content)["remedy"]
    assert content["host"]["swapin_bytes_per_second"] > MIB
    assert re.search(rf"; {GROUP} (probably )?reads .*back from swap", content["verdict"])


def test_in_a_terminal(cgroup: MemoryCgroup, start: Start) -> None:
    start(storefront(), cgroup)
    exporter = start(Exporter(SOON))
    cgroup.push_out()
    source = until_stranded(exporter, GROUP, WORKERS)
    command = [str(BINARY), "report", "--interval=1", source]

    with Terminal(command) as terminal:
        wait_until("progress is on the screen", lambda: "taking two samples" in terminal.screen())
        wait_until("the table is on the screen", lambda: f"{ENDED} 0" in terminal.screen())
        screen, coloured = terminal.screen(), terminal.screen(colours=True)
    assert f"; {WORKERS} idle workers of {GROUP} use " in " ".join(screen.split())
    size = r"[\d.]+ MiB"
    line = rf"^{GROUP} +{WORKERS}/{WORKERS} of {WORKERS} +{size} +{size} +\d+s +0 +\S+"
    assert re.search(line, screen, re.M)
    assert re.search(r"^all used swap +\d\S* [MG]iB", screen, re.M)  # others may use more
    assert f"\n{GROUP} (stranded): Run fewer workers with more threads" in screen
    assert "taking two samples" not in screen
    yellow = re.compile(r"\x1b\[(?:[\d;]*;)?33m")
    assert yellow.search(coloured)

    with Terminal(command, {"NO_COLOR": "1"}) as terminal:
        wait_until("the table is on the screen", lambda: f"{ENDED} 0" in terminal.screen())
        assert not yellow.search(terminal.screen(colours=True))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_few_characters_gets_what_it_can_show(
    encoding: str, cgroup: MemoryCgroup, start: Start
) -> None:
    start(Gunicorn(workers=1, name="größe漢字"), cgroup)
    cgroup.push_out()

    ran = subprocess.run(
        [BINARY, "report", "--interval=0.3"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding},
        timeout=120,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"gunicorn:gr" in ran.stdout
    assert rb"\u6f22" in ran.stdout
