"""Cards as an EHR shows them: what a service sent, checked and made harmless."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_TAGS = {
    *("p", "br", "strong", "em", "del", "code", "pre", "blockquote", "hr", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_INDICATORS = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class SuggestionView:
    """One suggestion, and the actions that accepting it carries out."""

    id: str
    label: str
    recommended: bool
    actions: tuple[dict[str, Any], ...]

    @property
    def descriptions(self) -> tuple[str, ...]:
        """What each action says of itself."""
        return tuple(str(action["description"]) for action in self.actions if action.get("description"))


@dataclass(frozen=True, slots=True)
class LinkView:
    """One link: an `absolute` one is followed, a `smart` one is launched with `app_context`."""

    label: str
    url: str
    is_smart: bool
    app_context: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason to override a card."""

    code: str
    system: str | None
    display: str


@dataclass(frozen=True, slots=True)
class CardView:
    """One card; `detail_html` is sanitised, everything else is plain text."""

    id: str
    summary: str
    indicator: str
    detail_html: str
    source: str
    source_url: str | None
    suggestions: tuple[SuggestionView, ...]
    reasons: tuple[Reason, ...]
    links: tuple[LinkView, ...]


def view_cards(cards: object, *, app_origin: str) -> tuple[CardView, ...]:
    """Read the cards of an answer, most urgent first; cards without the mandatory fields are left out.

    SMART links are launched at `app_origin` only: a launch hands a stranger the patient's context.
    """
    if not isinstance(cards, list):
        return ()
    found = [_card(card, app_origin) for card in cards if isinstance(card, dict) and _is_complete(card)]
    return tuple(sorted(found, key=lambda card: _INDICATORS.index(card.indicator)))


def render_markdown(text: str) -> str:
    """Render GitHub Flavored Markdown to HTML that can do nothing but be read."""
    return nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _is_complete(card: dict[str, Any]) -> bool:
    source = card.get("source")
    return (
        _is_text(card.get("summary"))
        and card.get("indicator") in _INDICATORS
        and isinstance(source, dict)
        and _is_text(source.get("label"))
    )


def _card(card: dict[str, Any], app_origin: str) -> CardView:
    detail = card.get("detail")
    return CardView(
        id=str(card.get("uuid", "")),
        summary=card["summary"],
        indicator=card["indicator"],
        detail_html=render_markdown(detail) if _is_text(detail) else "",
        source=card["source"]["label"],
        source_url=_web_address(card["source"].get("url")),
        suggestions=tuple(
            SuggestionView(
                id=str(one.get("uuid", "")),
                label=one["label"],
                recommended=one.get("isRecommended") is True,
                actions=tuple(_members(one.get("actions"))),
            )
            for one in _members(card.get("suggestions"))
            if _is_text(one.get("label"))
        ),
        reasons=tuple(
            Reason(str(one.get("code", "")), one.get("system"), one["display"])
            for one in _members(card.get("overrideReasons"))
            if _is_text(one.get("display"))
        ),
        links=tuple(link for one in _members(card.get("links")) if (link := _link(one, app_origin))),
    )


def _link(link: dict[str, Any], app_origin: str) -> LinkView | None:
    url, label = _web_address(link.get("url")), link.get("label")
    if url is None or not _is_text(label):
        return None
    is_smart = link.get("type") == "smart"
    if is_smart and "{0.scheme}://{0.netloc}".format(urlsplit(url)) != app_origin:
        return None
    context = link.get("appContext")
    return LinkView(label, url, is_smart, context if isinstance(context, str) else None)


def _web_address(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None


def _members(value: object) -> list[dict[str, Any]]:
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())
