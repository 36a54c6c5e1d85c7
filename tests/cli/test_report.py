"""``report`` from outside: real runs of the program, what they print, how they end."""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from urllib.request import urlopen

import pytest

from tests.cli.network import private_network
from tests.cli.test_cli import PROGRAM, run
from tests.system.servers.server import free_port

HASTE = "--interval=0.1"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--interval=0"], 'found "0", expected seconds from 0.1 to 3600'),
        (["--interval=2s"], 'found "2s", expected seconds from 0.1 to 3600'),
        (["--interval=nan"], 'found "nan", expected seconds from 0.1 to 3600'),
        (["--top=0"], 'found "0", expected a whole number, at least 1'),
        (
            ["--from=localhost:10059"],
            'found "localhost:10059", expected a URL such as http://127.0.0.1:10059',
        ),
        (["--from=file:///etc/passwd"], 'found "file:///etc/passwd", expected a URL'),
        (["--from=http://[::1"], 'found "http://[::1", expected a URL'),
        (["--from=http://localhost:99999"], 'found "http://localhost:99999", expected a URL'),
        (["--from=http://"], 'found "http://", expected a URL'),
        (["--from=http://a b"], 'found "http://a b", expected a URL'),
        (["--from=http://a:b@localhost"], "found a user in the URL, which every process can read"),
        (["--fromm=http://x"], "unknown flag --fromm"),
        (["shop"], "unknown argument shop"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, line):
    ended = run("report", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--config.file=nowhere.yml"], "nowhere.yml: no such file or directory"),
        (["--path.procfs=/tmp"], "--path.procfs: /tmp: not a proc file system: it has no readable PID/stat"),
        (["--from=http://127.0.0.1:1"], "--from: http://127.0.0.1:1/metrics: Connection refused"),
        (["--from=http://127.0.0.1:1/other"], "--from: http://127.0.0.1:1/other: Connection refused"),
    ],
)
def test_what_keeps_it_from_reporting_is_one_line_and_status_1(arguments, line):
    ended = run("report", HASTE, *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"swap-exporter: {line}\n"


def test_a_pipe_gets_no_colour_and_no_progress():
    ended = run("report", HASTE, env=os.environ | {"TERM": "xterm-256color"})
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert ended.stdout.splitlines()[0].strip()


def test_json_is_one_document():
    ended = run("report", HASTE, "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    content = json.loads(ended.stdout)
    assert content["version"] == 1
    assert content["interval_seconds"] >= 0.1
    assert sum(row["processes"] for row in content["commands"]) > 0
    assert all(row["members"] == [] for row in content["commands"])


def test_top_and_processes_hold_for_json_too():
    content = json.loads(run("report", HASTE, "--json", "--top=1", "--processes").stdout)
    [command] = content["commands"]
    assert len(command["members"]) == command["processes"]


def test_a_reader_that_goes_away_gets_no_traceback():
    for option in ("--json", "--processes"):
        process = subprocess.Popen(
            [*PROGRAM, "report", HASTE, option], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        process.stdout.close()
        assert process.stderr.read() == ""
        process.wait(60)
        process.stderr.close()


@pytest.fixture
def exporter():
    """A URL that answers as an exporter, and the paths that it was asked for."""
    asked = Queue()

    class Exporter(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.put(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'swap_exporter_build_info{version="1",python="3"} 1\n')

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Exporter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join(60)


def test_the_exporter_that_is_named_is_asked_once_and_through_no_proxy(exporter):
    url, asked = exporter
    nowhere = "http://127.0.0.1:1"
    environment = os.environ | {"http_proxy": nowhere, "HTTP_PROXY": nowhere}
    ended = run("report", HASTE, "--json", f"--from={url}", env=environment)
    assert json.loads(ended.stdout)["exporter"] == f"{url}/metrics"
    assert (asked.get(timeout=60), asked.qsize()) == ("/metrics", 0)


def test_an_interrupt_ends_it_without_a_word(exporter):
    url, asked = exporter
    # A shell that runs the tests in the background has them ignore interrupts, and so would the program.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *PROGRAM, "report", "--interval=60", f"--from={url}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    asked.get(timeout=60)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 130


def test_an_exporter_with_users_and_its_own_ca_is_asked(started, secured):
    web, http = secured
    url = f"https://{started('--web.listen-address=127.0.0.1:0', f'--web.config.file={web}')}"
    ended = run("report", HASTE, "--json", f"--from={url}", f"--http.config.file={http}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["exporter"] == f"{url}/metrics"
    for given, reason in (([], "certificate is refused"), ([f"--http.config.file={web}"], "unknown key")):
        ended = run("report", HASTE, f"--from={url}", *given)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert reason in ended.stderr


def test_a_401_is_said_to_be_one(started, users_only):
    url = f"http://{started('--web.listen-address=127.0.0.1:0', f'--web.config.file={users_only}')}/metrics"
    ended = run("report", HASTE, f"--from={url}")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"swap-exporter: --from: {url}: answers 401 Unauthorized: it needs a user and a password, which "
        "--http.config.file gives\n"
    )


def test_at_the_default_address_a_401_is_none_that_was_not_found(started, users_only):
    with private_network() as inside:
        ended = run("report", HASTE, "--json", before=inside)
        assert json.loads(ended.stdout)["exporter_problem"] is None
        started(f"--web.config.file={users_only}", before=inside)
        ended = run("report", HASTE, "--json", before=inside)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert json.loads(ended.stdout)["exporter_problem"] == (
            "http://127.0.0.1:10059/metrics: answers 401 Unauthorized: it needs a user and a password, which "
            "--http.config.file gives"
        )
        (users_only.parent / "http.yml").write_text("basic_auth: {username: alice, password: right}")
        ended = run(
            "report", HASTE, "--json", f"--http.config.file={users_only.parent}/http.yml", before=inside
        )
        assert json.loads(ended.stdout)["exporter"] == "http://127.0.0.1:10059/metrics"


def test_the_daemon_never_imports_what_draws():
    port = free_port()
    watched = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules)); "
        "from swap_exporter.cli import main; sys.exit(main())"
    )
    daemon = subprocess.Popen(
        [sys.executable, "-c", watched, f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert any("serving" in line for line in daemon.stderr)
    for path in ("/metrics", "/", "/-/ready"):
        urlopen(f"http://127.0.0.1:{port}{path}", timeout=30).close()
    daemon.send_signal(signal.SIGTERM)
    modules, _ = daemon.communicate(timeout=60)
    loaded = {name.partition(".")[0] for name in modules.split()}
    assert "swap_exporter" in loaded
    assert not loaded & {"rich", "pygments", "markdown_it"}
    assert not {"swap_exporter.report", "swap_exporter.client"} & set(modules.split())
