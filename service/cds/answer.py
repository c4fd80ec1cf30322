"""What an answer says, apart from what is new in each: its ids, its drafts' dates, its signed links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.cds.card import Action, Card


def said(cards: Iterable[Card]) -> str:
    """Give the same text for cards that tell a reader the same about the same orders, and another one otherwise."""
    return msgspec.json.encode([_said(card) for card in cards]).decode()


def _said(card: Card) -> tuple[object, ...]:
    suggestions = [(found.label, [_changed(action) for action in found.actions]) for found in card.suggestions]
    return card.summary, card.detail, card.indicator, card.source.topic, card.extension, suggestions


def _changed(action: Action) -> tuple[object, ...]:
    # A resource to create is made anew each time; one to update is the client's own.
    resource = action.resource if action.type == "update" else None
    return action.type, action.description, action.resource_id, resource
