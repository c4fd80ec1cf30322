"""What was typed into a form that is not taken because its session has ended, as text that can be copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.phrases import sentence, value_text
from service.web.review.mdt_form import FACT, reasons
from service.web.review.questions import ENTERED_ON, read_entries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from fhir_mappings.catalogue import Catalogue

_STANCES = {"agree": "agrees", "deviate": "decides otherwise"}
_DAYS = {ENTERED_ON: "Date", "decided-on": "Decided on"}


def typed_text(fields: Mapping[str, str], catalogue: Catalogue, *, today: date) -> str:
    """Give a line for each field that was filled in, right or wrong; empty where nothing was but a day."""
    entries = read_entries(fields.items(), catalogue, today=today)
    lines = {
        sentence(catalogue[code].title): value_text(catalogue[code], entries.values[code])
        if code in entries.values
        else text
        for code, text in entries.typed.items()
        if code != ENTERED_ON
    }
    strategies = {code: value_text(catalogue[FACT], code) for code in catalogue[FACT].choices}
    decision = {
        "The MDT": ("stance", _STANCES),
        "Strategy": ("strategy", strategies),
        "Reason": ("reason", dict(reasons())),
    }
    lines |= {title: words.get(fields.get(name, ""), "") for title, (name, words) in decision.items()}
    lines["Comment"] = fields.get("comment", "").strip()
    days = {title: fields.get(name, "") for name, title in _DAYS.items()}
    if not any(lines.values()):
        return ""
    return "\n".join(f"{title}: {text}" for title, text in (lines | days).items() if text)
