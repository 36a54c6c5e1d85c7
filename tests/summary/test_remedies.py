"""One source of truth: what the report says stands in the page, with its price."""

import re
from pathlib import Path

import pytest

from swap_exporter import config
from swap_exporter.summary.remedies import OTHER, PAGE, REMEDIES, remedy
from tests.making import entry, process

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/runbooks/remedies.md").read_text()


KINDS = {each.name.text.partition(":")[0] for each in config.load(None).entries}


def documented():
    """The page's remedy of each kind of server: the first sentence of its section, or its row."""
    servers = TEXT[TEXT.index("# Servers\n") : TEXT.index("# For every server\n")]
    sections = dict(re.findall(r"^## (.+)\n(.+)\n\n", servers, re.M))
    assert sections.pop("Other servers") == OTHER
    without_links = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", servers)
    for names, setting in re.findall(r"^\| (?!server|---)([^|]+) \| ([^|]+) \|", without_links, re.M):
        sections |= dict.fromkeys(re.split(r", ", names), setting)
    return sections


def test_the_report_shows_what_the_page_says_of_each_kind_of_server():
    assert {kind: text for kind, text in documented().items() if kind in KINDS} == REMEDIES


def test_the_page_knows_each_kind_of_the_catalogue():
    assert documented().keys() >= KINDS


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/sbin/mariadbd",),
        ("/usr/sbin/mysqld",),
        ("/usr/bin/redis-server 127.0.0.1:6379",),
        ("/usr/bin/memcached", "-m", "64"),
        ("nginx: worker process",),
        ("/usr/sbin/haproxy", "-Ws", "-f", "/etc/haproxy/haproxy.cfg"),
        ("sidekiq 7.2.0 shop [0 of 5 busy]",),
        ("PM2 v5.3.0: God Daemon (/root/.pm2)",),
    ],
    ids=lambda argv: argv[0].split()[0],
)
def test_what_has_no_workers_to_do_without_is_not_asked_to_run_fewer(argv):
    shown = remedy(entry("mine"), process()._replace(argv=argv), config.load(None).entries)
    assert shown != OTHER
    assert not re.search(r"fewer|as many", shown)


@pytest.mark.parametrize(
    "argv",
    [
        ("gunicorn: worker [shop]",),
        ("/usr/bin/python3", "/usr/bin/gunicorn", "-k", "gthread", "--threads", "4", "shop:app"),
    ],
    ids=["by its title", "by its command line"],
)
def test_no_gunicorn_is_asked_to_use_the_worker_class_that_it_may_have(argv):
    shown = remedy(entry("mine"), process()._replace(argv=argv), config.load(None).entries)
    assert shown == REMEDIES["gunicorn"]
    assert "gthread" not in shown


def test_the_link_leads_to_the_folder_of_that_page():
    assert PAGE.endswith("/tree/main/docs/runbooks")


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (("gunicorn: worker [shop]",), "gunicorn"),
        (("php-fpm: pool www",), "php-fpm"),
        (("/usr/sbin/apache2", "-k", "start"), "httpd"),
    ],
)
def test_an_entry_of_the_user_s_gets_the_remedy_of_what_the_program_is(argv, kind):
    entries = config.load(None).entries
    worker = process()._replace(argv=argv)
    assert remedy(entry("storefront"), worker, entries) == REMEDIES[kind]
    assert remedy(entry(kind, builtin=True), worker, entries) == REMEDIES[kind]


def test_what_nobody_knows_gets_the_remedy_for_all():
    entries = config.load(None).entries
    assert remedy(entry("storefront"), process()._replace(argv=("./storefront",)), entries) == OTHER
