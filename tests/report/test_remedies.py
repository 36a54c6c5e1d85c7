"""One source of truth: what the report says stands in the page, with its price."""

import re
from pathlib import Path

import pytest

from swap_exporter import config
from swap_exporter.report.remedies import OTHER, PAGE, REMEDIES, remedy
from tests.making import entry, process

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/runbooks/remedies.md").read_text()


@pytest.mark.parametrize("sentence", [*REMEDIES.values(), OTHER])
def test_each_remedy_stands_in_the_runbooks(sentence):
    assert sentence in TEXT


def test_each_server_that_has_a_section_there_has_its_first_sentence_here():
    servers = TEXT[TEXT.index("# Servers\n") : TEXT.index("# For every server\n")]
    sections = dict(re.findall(r"^## (.+)\n(.+)\n\n", servers, re.M))
    assert sections.pop("Other servers") == OTHER
    assert sections
    assert sections == {name: REMEDIES.get(name) for name in sections}


def test_the_link_leads_to_the_folder_of_that_page():
    assert PAGE.endswith("/tree/main/docs/runbooks")


def test_each_kind_is_one_of_the_catalogue():
    assert REMEDIES.keys() <= {each.name.text.partition(":")[0] for each in config.load(None).entries}


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
