"""What is to be corrected before anything can be saved: one line for each field, with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.web.review.mdt_form import MdtEntry
    from service.web.review.questions import Form

_MDT_LABELS = {
    "stance": "The MDT",
    "strategy": "Strategy",
    "reason": "Reason for deciding otherwise",
    "comment": "Comment",
    "decided-on": "Decided on",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, and the id of the element on the page that it is about."""

    place: str
    text: str


def faults(form: Form, mdt: MdtEntry) -> tuple[Fault, ...]:
    """Give the faults of both forms in the order of the page."""
    return (*_of_questions(form), *_of_mdt(mdt))


def _of_questions(form: Form) -> Iterator[Fault]:
    for question in (*form.missing, *form.assumed, *form.recorded):
        if question.fault:
            kind = "ask" if question.control == "radio" else "field"
            yield Fault(f"{kind}-{question.fact}", f"{question.label} {question.fault}")
    if form.entered_on_fault:
        yield Fault("field-entered-on", f"The entries hold for: {form.entered_on_fault}")


def _of_mdt(entry: MdtEntry) -> Iterator[Fault]:
    for name, label in _MDT_LABELS.items():
        if name in entry.faults:
            yield Fault(f"mdt-{name}", f"{label}: {entry.faults[name]}")
