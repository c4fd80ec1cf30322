"""The ids, links and tags of a page that has nothing inline."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Reads a page; inline scripts and styles fail the test."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "inline script"
            assert name != "style", "inline style"
            if name == "id" and value:
                self.ids.append(value)
            if name == "href" and value:
                self.links.append(value)
