"""Markdown of our own pages as HTML: headings with anchors, tables that scroll, links inside the site."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markdown_it.token import Token

_PAGE, _SITE = "docs:", "site:"
_GENERATED = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)


class HandbookError(Exception):
    """A page names a page or a generated part that is not there."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page: its title, its sections as (anchor, text) and its HTML without the title."""

    title: str
    sections: tuple[tuple[str, str], ...]
    html: str


def render(text: str, *, pages: frozenset[str], parts: Mapping[str, str], root: str) -> Rendered:
    """Render one page.

    The text begins with `# Title`. A line `{{ name }}` stands for a generated part, `docs:name#anchor` in a link for a
    page and `site:path` for another path of this server; `root` leads from the page to the root of the server.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", _open_table)
    markdown.add_render_rule("table_close", _close_table)
    tokens = markdown.parse(_GENERATED.sub(lambda found: _part(found[1], parts), text))
    title, tokens = tokens[1].content, tokens[3:]
    sections = []
    for opened, heading in pairwise(tokens):
        if opened.type == "heading_open":
            anchor = anchor_of(heading.content)
            opened.attrSet("id", anchor)
            if opened.tag == "h2":
                sections.append((anchor, heading.content))
    for token in tokens:
        for inline in token.children or ():
            if inline.type == "link_open":
                inline.attrSet("href", _href(str(inline.attrGet("href")), pages, root))
    return Rendered(title, tuple(sections), str(markdown.renderer.render(tokens, markdown.options, {})))


def anchor_of(heading: str) -> str:
    """Give the anchor of a heading: its words in lower case, joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower()))


def _part(name: str, parts: Mapping[str, str]) -> str:
    if name not in parts:
        raise HandbookError(f"there is no generated part {name}")
    return parts[name]


def _href(href: str, pages: frozenset[str], root: str) -> str:
    if href.startswith(_SITE):
        return root + href.removeprefix(_SITE)
    if not href.startswith(_PAGE):
        return href
    page, mark, anchor = href.removeprefix(_PAGE).partition("#")
    if page not in pages:
        raise HandbookError(f"there is no page {page}")
    return f"{root}docs/{page}{mark}{anchor}"


def _open_table(_: Any, tokens: list[Token], at: int, *__: object) -> str:  # noqa: ANN401  a renderer of any kind
    """Let a wide table scroll by itself, also for those who have no mouse."""
    first = next(token.content for token in tokens[at:] if token.type == "inline")
    heads = [after.content for token, after in pairwise(tokens[:at]) if token.type == "heading_open"]
    label = escape(": ".join(["Table", *heads[-1:], first]))
    return f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">\n<table>\n'


def _close_table(*_: object) -> str:
    return "</table>\n</div>\n"
