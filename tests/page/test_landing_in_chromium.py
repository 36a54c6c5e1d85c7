"""The page of a running exporter in a browser: hostile titles, a telephone's width, a dark desk."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection

import pytest

from tests.page.chromium import Chromium, png_size
from tests.page.page import Page
from tests.require import require
from tests.system.exporter import Exporter

CONFIGURATION = r"""
process_names:
  - name: "{{.Matches.title}}"
    cmdline: ['^(?P<title><script>.+) 600$']
  - name: "{{.ExeBase}}"
    cmdline: ['^<img|dormouse']
"""
TITLES = {
    "<script>document.title='run'</script>": "<script>document.title='run'</script>",
    "<img src=x onerror=document.title='run'>": "<img src=x onerror=document.title='run'>",
    "dormouse\u202e\x1b[31m\n\"'&lt;": r"dormouse\u202e\x1b[31m\n\"'&lt;".replace('\\"', '"'),
    "dormouse" + "e" * 150: "dormouse" + "e" * 150,
}
"""Titles of processes, and how the page shows them."""

CONTRAST = """
(() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => channels(colour).slice(0, 3)
    .map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const opaque = element => {
    const [r, g, b, alpha = 1] = channels(getComputedStyle(element).backgroundColor);
    return alpha === 1 || !element.parentElement ? element : opaque(element.parentElement);
  };
  const texts = [...document.body.querySelectorAll('*')].filter(
    element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return Math.min(...texts.map(element => {
    const pair = [getComputedStyle(element).color, getComputedStyle(opaque(element)).backgroundColor];
    const [light, dark] = pair.map(luminance).sort((a, b) => b - a);
    return (light + .05) / (dark + .05);
  }));
})()
"""
"""The least contrast of a text to what is behind it, as WCAG 2 defines it."""


@contextmanager
def running(title: str) -> Iterator[None]:
    process = subprocess.Popen([title, "600"], executable="/bin/sleep")
    try:
        yield
    finally:
        process.kill()
        process.wait(60)


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    server = Exporter(CONFIGURATION)
    missing = server.missing()
    require(not missing, str(missing))
    with ExitStack() as stack:
        for title in TITLES:
            stack.enter_context(running(title))
        stack.callback(server.end)
        yield server.start()


@pytest.fixture(scope="module")
def browser(exporter: Exporter) -> Iterator[Chromium]:
    require(shutil.which("chromium"), "chromium is not installed: apt install chromium")
    with Chromium() as chromium:
        chromium.look(1200)
        chromium.open(f"http://127.0.0.1:{exporter.port}/")
        yield chromium


def test_hostile_titles_are_text(browser: Chromium) -> None:
    page = Page(browser.evaluate("document.documentElement.outerHTML"))
    assert set(TITLES.values()) <= set(page.names)
    assert not {"script", "img"} & set(page.elements)
    assert browser.evaluate("document.title") == "swap-exporter"


def test_nothing_is_loaded_besides_the_page_and_nothing_is_refused(browser: Chromium) -> None:
    methods = [event["method"] for event in browser.events]
    asked = [event["params"]["request"]["url"] for event in browser.events if "request" in event["params"]]
    assert [url for url in asked if not url.endswith("/favicon.ico")] == [browser.evaluate("location.href")]
    assert "Log.entryAdded" not in methods, [
        event for event in browser.events if event["method"] == "Log.entryAdded"
    ]
    assert browser.evaluate("getComputedStyle(document.body).maxWidth") != "none", (
        "the stylesheet is in force"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 400, 1200])
def test_it_is_readable_on_a_small_screen_and_on_a_dark_one(
    browser: Chromium, width: int, dark: bool
) -> None:
    browser.look(width, dark=dark)
    assert png_size(browser.screenshot()).width == width, "nothing lies beyond the right edge"
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(CONTRAST) >= 4.5
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark


def test_answers_say_what_the_page_may_do(exporter: Exporter) -> None:
    connection = HTTPConnection("127.0.0.1", exporter.port, timeout=30)
    connection.request("GET", "/")
    headers = connection.getresponse().headers
    connection.close()
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
