"""The feedback of CDS Hooks: what became of a card, checked entry by entry (specification, "Feedback")."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import msgspec

from service.cds.json_body import read_json
from service.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_COMMENT_CHARACTERS = 4096
_MAX_CODE_CHARACTERS = 256
_MAX_ENTRIES = 1000
# RFC 3339, section 5.6; its zone is required, or the moment is not known.
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.(\d+))?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_SECONDS = slice(17, 19)
_EDGES = ("0000-", "0001-01-01", "9999-12-31")
"""Days that no calendar of ours has, or that a zone could carry out of it."""
SAYS_SOMETHING = re.compile(r"[^\x00-\x20\x7f]")
"""What a reason must hold; one of invisible characters alone is kept as none."""


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """What one user did with one card.

    `suggestions` are the accepted ones, sorted; reason and comment belong to overridden cards.
    """

    card: str
    outcome: Literal["accepted", "overridden"]
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason_system: str | None = None
    reason_code: str | None = None
    comment: str | None = None


class _Suggestion(msgspec.Struct):
    id: str


class _Coding(msgspec.Struct):
    code: str | None = None
    system: str | None = None


class _OverrideReason(msgspec.Struct, rename="camel"):
    reason: _Coding | None = None
    user_comment: str | None = None


class _Entry(msgspec.Struct, rename="camel"):
    card: str
    outcome: str
    outcome_timestamp: str
    accepted_suggestions: list[_Suggestion] | None = None
    override_reason: _OverrideReason | None = None


class _Body(msgspec.Struct):
    feedback: list[_Entry]


_BODY = msgspec.json.Decoder(_Body)


def parse_feedback(body: bytes) -> tuple[FeedbackEntry, ...]:
    """Read the body of a feedback call; raise `MalformedRequest` that names the faulty element, never its value.

    Unknown members are ignored, like the display of a reason and the reason of an accepted card.
    """
    entries = read_json(body, _BODY.decode).feedback
    if not 0 < len(entries) <= _MAX_ENTRIES:
        raise MalformedRequest(f"feedback must have 1 to {_MAX_ENTRIES} entries", element="feedback")
    return tuple(_checked(entry, f"feedback[{number}]") for number, entry in enumerate(entries))


def _checked(entry: _Entry, place: str) -> FeedbackEntry:
    card = _uuid(entry.card, f"{place}.card")
    at = _moment(entry.outcome_timestamp, f"{place}.outcomeTimestamp")
    match entry.outcome:
        case "accepted":
            return FeedbackEntry(card, "accepted", at, suggestions=tuple(sorted(set(_suggestions(entry, place)))))
        case "overridden":
            return _overridden(card, at, entry.override_reason, f"{place}.overrideReason")
        case _:
            element = f"{place}.outcome"
            raise MalformedRequest(f"{element} must be 'accepted' or 'overridden'", element=element)


def _suggestions(entry: _Entry, place: str) -> Iterator[str]:
    element = f"{place}.acceptedSuggestions"
    if not entry.accepted_suggestions:
        raise MalformedRequest(f"{element} is required where the outcome is accepted", element=element)
    for number, suggestion in enumerate(entry.accepted_suggestions):
        yield _uuid(suggestion.id, f"{element}[{number}].id")


def _overridden(card: str, at: datetime, given: _OverrideReason | None, place: str) -> FeedbackEntry:
    if given is None:
        return FeedbackEntry(card, "overridden", at)
    reason = given.reason or _Coding()
    code, system = _code(reason.code, f"{place}.reason.code"), _code(reason.system, f"{place}.reason.system")
    comment = _plain(given.user_comment)[:MAX_COMMENT_CHARACTERS] or None
    if not (SAYS_SOMETHING.search(reason.code or "") or SAYS_SOMETHING.search(given.user_comment or "")):
        raise MalformedRequest(f"{place} must have a reason with a code or a userComment", element=place)
    return FeedbackEntry(
        card, "overridden", at, reason_system=system if code else None, reason_code=code, comment=comment
    )


def _uuid(text: str, element: str) -> str:
    """Give a UUID in its one spelling: as the cards have it."""
    try:
        found = str(UUID(text))
    except ValueError:
        found = None
    if found is None or found != text.lower():
        raise MalformedRequest(f"{element} must be a UUID", element=element)
    return found


def _moment(text: str, element: str) -> datetime:
    fault = MalformedRequest(f"{element} must be an RFC 3339 date and time with its zone", element=element)
    form = _RFC3339.fullmatch(text)
    if form is None or text.startswith(_EDGES):
        raise fault
    fraction = form.group(1)
    if fraction is not None:
        # Six digits are what Python keeps; more are cut.
        text = text.replace(f".{fraction}", f".{fraction[:6].ljust(6, '0')}")
    if text[_SECONDS] == "60":
        # A leap second, which RFC 3339 allows and Python does not know, counts as the one before it.
        text = f"{text[: _SECONDS.start]}59{text[_SECONDS.stop :]}"
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        raise fault from None


def _code(text: str | None, element: str) -> str | None:
    plain = _plain(text)
    if len(plain) > _MAX_CODE_CHARACTERS:
        raise MalformedRequest(f"{element} is longer than {_MAX_CODE_CHARACTERS} characters", element=element)
    return plain or None


def _plain(text: str | None) -> str:
    """Drop what no reader sees and databases refuse: control, format and unassigned characters, lone surrogates."""
    kept = (character for character in text or "" if character in "\n\t" or unicodedata.category(character)[0] != "C")
    return "".join(kept).strip()
