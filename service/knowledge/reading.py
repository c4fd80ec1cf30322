"""One decided case under the eyes of the explanation: values, whether they are assumed, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from fhir_mappings.case import ABSENT, Interval, Known, Narrowed, Sign, Unknown, day_of, newest
from service.knowledge.explanation import Source, Text
from service.knowledge.left_open import narrowed_clause
from service.knowledge.phrases import assumed, clause, counted, day, value_text

if TYPE_CHECKING:
    from fhir_mappings.case import Case, Evidence, Fact, PartialDate, Value
    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.decision import Decision, Label
    from service.knowledge.explanation import Part
    from service.knowledge.model import Guideline

MAJOR_OPERATIONS = frozenset(
    {"low-anterior-resection", "abdominoperineal-resection", "total-colectomy", "proctocolectomy", "hartmann"}
)
COMPLICATIONS = frozenset({"obstruction", "perforation", "bleeding"})
_COMMA, _SEMICOLON = Text(", "), Text("; ")


@dataclass(frozen=True, slots=True)
class Reading:
    """The case with its decision; `value` and `holds` look at recorded and assumed values alike."""

    case: Case
    decision: Decision
    guideline: Guideline
    catalogue: Catalogue
    _spoken: dict[str, tuple[Part, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `spoken` said already: reasons and what speaks against other strategies name the same facts."""

    def fact(self, code: str) -> Fact:
        """Give the fact as the case has it."""
        return self.case.facts.get(code, ABSENT)

    def assumption(self, code: str) -> Label | None:
        """Give the printed assumption about a fact, where there is one."""
        for found in self.decision.assumptions:
            if found.fact == code:
                return found.value
        return None

    def value(self, code: str) -> Value | None:
        """Give the recorded value, or `None`."""
        return self.case.value(code)

    def holds(self, code: str, *values: Value) -> bool:
        """Whether the fact is recorded or assumed, and certainly one of the values."""
        found = self.fact(code)
        if isinstance(found, Known):
            return found.value in values
        if isinstance(found, Narrowed) and isinstance(found.values, frozenset):
            return found.values.issubset(values)
        assumption = self.assumption(code)
        return assumption is not None and assumption in values

    def yes(self, code: str) -> bool:
        """Whether a boolean fact is recorded, or assumed, as true."""
        return self.holds(code, True)  # noqa: FBT003 - the value of a fact

    def no(self, code: str) -> bool:
        """Whether a boolean fact is recorded, or assumed, as false."""
        return self.holds(code, False)  # noqa: FBT003 - the value of a fact

    def at_least(self, code: str, number: float) -> bool:
        """Whether the fact is certainly `number` or more."""
        return bounds(self.fact(code)).is_at_least(number)

    def over(self, code: str, number: float) -> bool:
        """Whether the fact is certainly more than `number`."""
        return bounds(self.fact(code)).is_over(number)

    def at_most(self, code: str, number: float) -> bool:
        """Whether the fact is certainly `number` or less."""
        return bounds(self.fact(code)).is_at_most(number)

    def number(self, parameter: str) -> float:
        """Give the number of a parameter of the guideline."""
        found = self.guideline.parameters[parameter].value
        if isinstance(found, bool):
            raise TypeError(f"parameter {parameter} is no number")
        return found

    @property
    def other_cancer(self) -> bool:
        """Whether another active cancer is recorded, from which the metastases may come."""
        return Sign.OTHER_CANCER in self.case.signs

    @property
    def is_settled(self) -> bool:
        """Whether the card names one strategy: one is left, and nothing makes the disease itself uncertain."""
        return self.decision.strategy is not None and not self.other_cancer

    def months(self, parameter: str) -> str:
        """Write a parameter that counts months: `1 month`, `3 months`."""
        return counted(self.number(parameter), "month")

    @property
    def in_situ(self) -> bool:
        """Whether the primary is recorded, or assumed, to be in place."""
        return self.yes("primary-in-situ")

    @property
    def resected(self) -> bool:
        """Whether the primary is recorded as resected."""
        return self.no("primary-in-situ")

    @property
    def unfit(self) -> tuple[str, ...]:
        """The facts by which the patient is certainly unfit for elective surgery."""
        limits = (("ecog", "ecog_unfit"), ("asa", "asa_unfit"))
        return tuple([code for code, limit in limits if self.at_least(code, self.number(limit))])

    @property
    def liver_untreated(self) -> bool:
        """Whether nothing says that the liver metastases have been treated."""
        return not self.holds("liver-state", "treated", "recurrence")

    def spoken(self, code: str) -> tuple[Part, ...]:
        """Say a recorded, narrowed or assumed fact with its source; empty where nothing is known."""
        spoken = self._spoken.get(code)
        if spoken is None:
            spoken = self._spoken[code] = self.said(code, self.fact(code))
        return spoken

    def said(self, code: str, found: Fact) -> tuple[Part, ...]:
        """Say what was found of a fact, as `spoken` does."""
        definition = self.catalogue[code]
        match found:
            case Known():
                said = value_text(definition, found.value) if definition.kind == "date" else None
                return (Text(clause(definition, found.value)), *source_of(found, said=said))
            case Narrowed():
                return (Text(narrowed_clause(definition, found)), *source_of(found))
            case Unknown():
                assumption = self.assumption(code)
                if assumption is None:
                    return ()
                words = assumed(definition, assumption)
                return (Text(f"{words[:-1]}, assumed)" if words.endswith(")") else f"{words} (assumed)"),)
            case _:
                assert_never(found)

    def spoken_together(self, codes: tuple[str, ...]) -> tuple[Part, ...]:
        """Say several facts one after the other; those of one day share their source."""
        parts: list[Part] = []
        for code in codes:
            spoken = self.spoken(code)
            if not spoken:
                continue
            before = parts[-1] if parts else None
            after = spoken[-1]
            if isinstance(before, Source) and isinstance(after, Source) and before.dated == after.dated:
                both = tuple(dict.fromkeys((*before.references, *after.references)))
                parts[-1:] = [_COMMA, *spoken[:-1], Source(both, before.dated)]
            else:
                if parts:
                    parts.append(_SEMICOLON)
                parts += spoken
        return tuple(parts)


def bounds(fact: Fact) -> Interval:
    """Give the numbers that a fact may be: all of them where it is unknown or no number."""
    found = fact.value if isinstance(fact, Known) else fact.values if isinstance(fact, Narrowed) else None
    if isinstance(found, int | float) and not isinstance(found, bool):
        return Interval(found, found)
    return found if isinstance(found, Interval) else Interval()


def references(evidence: tuple[Evidence, ...]) -> tuple[str, ...]:
    """Give the resources of the evidence, each once, in order."""
    if len(evidence) == 1:
        return (evidence[0].reference,)
    return tuple(dict.fromkeys(found.reference for found in evidence))


def source(evidence: tuple[Evidence, ...], *, said: str | None = None) -> tuple[Part, ...]:
    """Give the date and the resources of the evidence as a part of a sentence that has `said` a date already."""
    return _source(evidence, newest(evidence), said)


def source_of(fact: Fact, *, said: str | None = None) -> tuple[Part, ...]:
    """Give the date of a fact and the resources that it comes from, as `source` does."""
    return _source(fact.evidence, day_of(fact), said)


def _source(evidence: tuple[Evidence, ...], dated: PartialDate | None, said: str | None) -> tuple[Part, ...]:
    if not evidence:
        return ()
    worded = day(dated) if dated else None
    if worded == said:
        worded = None
    remarks = [remark for found in evidence for remark in found.remarks]
    if remarks:
        remarked = ", ".join(dict.fromkeys(remarks))
        worded = f"{worded} {remarked}" if worded else remarked
    return (Source(references(evidence), worded),)
