"""The landing page as a parser reads it."""

from html.parser import HTMLParser

VOID = ("meta", "rect")
"""Elements in it that hold nothing and need no end."""


class Page(HTMLParser):
    """What a browser makes of the page: its elements, and the texts of cells, headings and list items."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.names: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "bdi":
            self.names.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag, "every element is closed where it was opened"

    def handle_data(self, text: str) -> None:
        if "style" in self._open:
            return
        self.text += text
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += text
        if "bdi" in self._open:
            self.names[-1] += text
