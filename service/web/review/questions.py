"""The form of facts: which are asked, with which control, and what was typed into it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, TypeAlias

from fhir_mappings.case import ABSENT, Gap, Known, Narrowed, Unknown
from service.knowledge.headline import reading_place
from service.knowledge.left_open import answer_text, contradiction, narrowed_text
from service.knowledge.phrases import assumed, sentence, short_name, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.case import Case, Fact, Value
    from fhir_mappings.catalogue import Catalogue, FactDefinition
    from service.knowledge.decision import Decision, MissingFact

State: TypeAlias = Literal["missing", "assumed", "recorded"]
Control: TypeAlias = Literal["radio", "select", "number", "date"]

ENTERED_ON = "entered-on"
"""The field of the day that all entered values hold for."""
_RADIO_CHOICES = 5
_NOT_ASKED = {"mdt-decision"}


@dataclass(frozen=True, slots=True)
class Question:
    """One fact as a field. `hint` says what the chart has; `decides` what its answers would leave, best first."""

    fact: str
    label: str
    control: Control
    state: State
    choices: tuple[tuple[str, str], ...] = ()
    unit: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    hint: str | None = None
    entered: str = ""
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """What was typed: values that are right, faults by field, and every text as it was."""

    values: Mapping[str, Value] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    entered_on: date | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """The questions in reading order: most decisive first, then what is assumed, then what the chart has."""

    missing: tuple[Question, ...]
    assumed: tuple[Question, ...]
    recorded: tuple[Question, ...]
    entered_on: str
    latest: str
    entered_on_fault: str | None = None

    @property
    def touches_recorded(self) -> bool:
        """Whether something is entered, or wrong, among the facts that the page folds away."""
        return any(question.entered or question.fault for question in self.recorded)


def form_for(
    case: Case, decision: Decision, catalogue: Catalogue, *, entries: Entries | None = None, ask: str | None = None
) -> Form:
    """Ask for the facts of `case`; `ask`, the question of a card, comes first until it is answered."""
    entries = entries or Entries()
    assumptions = {found.fact: found.value for found in decision.assumptions}
    missing = [found.fact for found in decision.missing if found.fact not in _NOT_ASKED]
    if ask is not None and _is_open(case, ask, catalogue):
        missing = [ask, *(fact for fact in missing if fact != ask)]
    later = [code for code in assumptions if code not in missing]
    asked = {*missing, *later, *_NOT_ASKED}

    def question(code: str, state: State) -> Question:
        definition, fact = catalogue[code], case.facts.get(code, ABSENT)
        hint = f"Assumed: {assumed(definition, assumptions[code])}" if code in assumptions else _hint(definition, fact)
        return _question(
            definition, state=state, hint=hint, entered=entries.typed.get(code, ""), fault=entries.faults.get(code)
        )

    return Form(
        missing=tuple(question(code, "missing") for code in missing),
        assumed=tuple(question(code, "assumed") for code in later),
        recorded=tuple(question(code, "recorded") for code in catalogue.facts if code not in asked),
        entered_on=entries.typed.get(ENTERED_ON, case.as_of.isoformat()),
        latest=case.as_of.isoformat(),
        entered_on_fault=entries.faults.get(ENTERED_ON),
    )


def _is_open(case: Case, ask: str, catalogue: Catalogue) -> bool:
    return ask in catalogue.facts and ask not in _NOT_ASKED and not isinstance(case.facts.get(ask), Known)


def _question(
    definition: FactDefinition, *, state: State, hint: str | None, entered: str, fault: str | None
) -> Question:
    control, choices = _control(definition)
    return Question(
        fact=definition.code,
        label=definition.question,
        control=control,
        state=state,
        choices=choices,
        unit={"mo": "months", "{score}": None, "{count}": None}.get(definition.unit or "", definition.unit),
        minimum=_bound(definition.minimum),
        maximum=_bound(definition.maximum),
        hint=hint,
        entered=entered,
        fault=fault,
    )


def _control(definition: FactDefinition) -> tuple[Control, tuple[tuple[str, str], ...]]:
    match definition.kind:
        case "boolean":
            return "radio", (("true", "Yes"), ("false", "No"))
        case "choice":
            choices = tuple((code, sentence(value_text(definition, code))) for code in definition.choices)
            return ("radio" if len(choices) <= _RADIO_CHOICES else "select"), choices
        case "date":
            return "date", ()
        case "integer" if definition.minimum is not None and definition.maximum is not None:
            numbers = range(int(definition.minimum), int(definition.maximum) + 1)
            return "radio", tuple((str(number), str(number)) for number in numbers)
        case _:
            return "number", ()


def _bound(number: float | None) -> str | None:
    return None if number is None else f"{number:g}"


def _hint(definition: FactDefinition, fact: Fact) -> str:
    match fact:
        case Known(value=value):
            return f"In the chart: {value_text(definition, value)}"
        case Narrowed():
            return f"In the chart, not exactly: {narrowed_text(definition, fact)}"
        case Unknown(gap=Gap.OUTDATED, last_value=value) if value is not None:
            return f"In the chart, too old: {value_text(definition, value)}"
        case Unknown(gap=Gap.CONFLICTING, contested=contested):
            return sentence(contradiction(definition, contested))
        case Unknown(gap=gap):
            return _GAPS[gap]


_GAPS = {
    Gap.ABSENT: "Not in the chart",
    Gap.OUTDATED: "In the chart, too old",
    Gap.UNREADABLE: "In the chart, but not readable",
    Gap.NOT_RETRIEVED: "Not retrieved from the chart",
}


def read_entries(form: Iterable[tuple[str, object]], catalogue: Catalogue, *, today: date) -> Entries:
    """Read what was typed. An empty field leaves its fact alone; names that are no facts are ignored."""
    typed = {
        name: text.strip()
        for name, text in form
        if isinstance(text, str) and (name in catalogue.facts or name == ENTERED_ON) and name not in _NOT_ASKED
    }
    values: dict[str, Value] = {}
    faults: dict[str, str] = {}
    for name, text in typed.items():
        if name == ENTERED_ON or not text:
            continue
        try:
            values[name] = _value(catalogue[name], text, today=today)
        except ValueError as fault:
            faults[name] = str(fault)
    entered_on = today
    if typed.get(ENTERED_ON):
        try:
            entered_on = _date(typed[ENTERED_ON], today=today)
        except ValueError as fault:
            faults[ENTERED_ON] = str(fault)
    return Entries(values, faults, {name: text for name, text in typed.items() if text}, entered_on)


def _value(definition: FactDefinition, text: str, *, today: date) -> Value:
    match definition.kind:
        case "boolean":
            if text not in {"true", "false"}:
                raise ValueError("Choose yes or no.")
            return text == "true"
        case "choice":
            if text not in definition.choices:
                raise ValueError("Choose one of the answers.")
            return text
        case "date":
            return _date(text, today=today)
        case "integer":
            if not re.fullmatch(r"[0-9]{1,6}", text):
                raise ValueError(f"Enter a whole number{_range(definition)}.")
            return _within(definition, int(text))
        case "number":
            if not re.fullmatch(r"[0-9]{1,6}([.,][0-9]{1,6})?", text):
                raise ValueError(f"Enter a number{_range(definition)}.")
            number = _within(definition, float(text.replace(",", ".")))
            return int(number) if math.floor(number) == number else number


def _within(definition: FactDefinition, number: float) -> float:
    too_low = definition.minimum is not None and number < definition.minimum
    too_high = definition.maximum is not None and number > definition.maximum
    if too_low or too_high:
        raise ValueError(f"Enter a {_number(definition)}{_range(definition)}.")
    return number


def _number(definition: FactDefinition) -> str:
    return "whole number" if definition.kind == "integer" else "number"


def _range(definition: FactDefinition) -> str:
    low, high = _bound(definition.minimum), _bound(definition.maximum)
    if low and high:
        return f" from {low} to {high}"
    return f", at least {low}" if low else ""


def _date(text: str, *, today: date) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError("Enter a date as year-month-day.") from None
    if found > today:
        raise ValueError("Enter a date that is not in the future.")
    return found


@dataclass(frozen=True, slots=True)
class Branch:
    """What one answer to a missing fact would leave: strategies, or next steps where they are all that is open."""

    answer: str
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A missing fact and where each of its answers leads."""

    fact: str
    name: str
    settles: bool
    branches: tuple[Branch, ...]


def open_questions(case: Case, decision: Decision, catalogue: Catalogue) -> tuple[Open, ...]:
    """Give what each missing fact would decide, most decisive first; strategies and next steps are codes."""
    return tuple(
        _open(
            missing,
            catalogue[missing.fact],
            case.facts.get(missing.fact, ABSENT),
            steps_only=decision.strategy is not None,
        )
        for missing in decision.missing
    )


def _open(missing: MissingFact, definition: FactDefinition, fact: Fact, *, steps_only: bool) -> Open:
    labels: dict[tuple[str, ...], list[str]] = {}
    for answer in missing.answers:
        leaves = (
            tuple(outcome.next_step or "" for outcome in answer.outcomes)
            if steps_only
            else tuple(sorted(answer.strategies, key=reading_place))
        )
        labels.setdefault(leaves, []).append(answer.label)
    branches = tuple(
        Branch(sentence(answer_text(definition, " or ".join(same), fact)), leaves) for leaves, same in labels.items()
    )
    settles = all(len(branch.leaves) <= 1 for branch in branches)
    return Open(missing.fact, sentence(short_name(definition)), settles, branches)
