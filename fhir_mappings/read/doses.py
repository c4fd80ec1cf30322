"""Systemic therapy on record, dose by dose: what was given, what may have been, from when until when, in which time."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from fhir_mappings.read.chart_reading import matches
from fhir_mappings.read.dates import months_later, parse_date, shifted
from fhir_mappings.read.once import once
from fhir_mappings.read.other_cancers import is_for_another
from fhir_mappings.read.radiotherapy import bound_of, courses_of, inside_any, named_courses, touches_any
from fhir_mappings.read.reader import NOT_DONE
from fhir_mappings.read.references import references_of, referred
from fhir_mappings.read.values import decimal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from decimal import Decimal

    from fhir_mappings.case import PartialDate
    from fhir_mappings.read.chart_reading import Refused, Resource
    from fhir_mappings.read.radiotherapy import Course
    from fhir_mappings.read.reader import Reader

DRUGS = "drug-*"
SYSTEMIC = "systemic-therapy"
"""What is chemotherapy by its name."""
_BY_NAME = frozenset({SYSTEMIC, "chemotherapy-procedure"})
ANTINEOPLASTIC = "antineoplastic"
"""Any drug against cancer, by code or name: one that is in no set of `DRUGS` is systemic therapy and no cycle."""
INFUSION = "chemotherapy"
"""A Procedure that gives chemotherapy and does not say which."""
MEDICATIONS = ("MedicationAdministration", "MedicationRequest")
_PROPOSALS = ("proposal", "plan", "option")
BEGUN = frozenset({"in-progress", "on-hold", "stopped"})
_UNFINISHED = BEGUN | {"unknown"}
_PERIODS = {"MedicationAdministration": "effectivePeriod", "Procedure": "performedPeriod"}
NOT_GIVEN = {
    "MedicationAdministration": frozenset({"not-done", "entered-in-error"}),
    "MedicationRequest": frozenset({"active", "on-hold", "cancelled", "draft", "entered-in-error"}),
}
"""Statuses that say that no dose was given; one that is none of FHIR's says nothing."""


def given(reader: Reader, *drugs: str) -> list[Resource]:
    """Give the systemic therapy that was given, dated, without radiosensitising fluoropyrimidine; sorted by date.

    An order stands for a dose only where none that was given refers to it.
    """
    return [dose for dose in _given(reader) if any(matches(name, drugs) for name in dose.sets)]


@once
def _given(reader: Reader) -> tuple[Resource, ...]:
    courses = courses_of(reader)
    done = [dose for dose in medication(reader) if _is_done(dose) and not only_proposes(dose)]
    carried_out = {order for dose in done for order in _orders_of(dose)}
    found = [replace(dose, dated=start_of(reader, dose)) for dose in done if dose.reference not in carried_out]
    found = [dose for dose in found if not sensitises(reader, dose, courses)]
    return tuple(sorted(found, key=lambda dose: (str(dose.dated.first) if dose.dated else "", dose.reference)))


def _is_done(dose: Resource) -> bool:
    return dose.status == "completed" and not dose.future


def only_proposes(dose: Resource) -> bool:
    """Whether a request is a proposal or plan and no order: its date is none of a dose, were it carried out."""
    return dose.body.get("intent") in _PROPOSALS


def proposed(reader: Reader, *drugs: str) -> list[Resource]:
    """Give the proposals of some drugs that were carried out, by default of all: when, they do not tell."""
    return [dose for dose in medication(reader, *drugs) if _is_done(dose) and only_proposes(dose)]


def _orders_of(dose: Resource) -> list[str]:
    return [referred(order, "MedicationRequest") for order in references_of(dose.body, "request")]


def start_of(reader: Reader, dose: Resource) -> PartialDate | None:
    """Give the day on which a dose began: of an order, the first past one on which it was to be taken."""
    said = [when for when in _to_be_taken(dose, "start") if when.last <= reader.as_of]
    return min(said, key=lambda when: when.first) if said else bound_of(dose, "effectivePeriod", "start")


def end_of(reader: Reader, dose: Resource) -> PartialDate | None:
    """Give the day on which a dose ended: of an order, the last past one on which it was to be taken."""
    said = [when for when in _to_be_taken(dose, "end") if when.last <= reader.as_of]
    return max(said, key=lambda when: when.last) if said else _last_day(dose)


def _last_day(dose: Resource) -> PartialDate | None:
    return bound_of(dose, _PERIODS.get(dose.kind, ""), "end")


def latest_of(dose: Resource) -> PartialDate | None:
    """Give the last day that a dose may have: of an order that was done before its end, that end."""
    starts, ends = _to_be_taken(dose, "start"), _to_be_taken(dose, "end")
    dated = _last_day(dose)
    days = [*starts, *ends] if ends or dated is None else [*starts, dated]
    return max(days, key=lambda when: when.last, default=None)


def _to_be_taken(order: Resource, bound: str) -> list[PartialDate]:
    """Give the days on which an order was to be taken, and those from which, or until which."""
    whole = parse_date(order.body.get("effectiveDosePeriod", {}).get(bound))  # R5
    found = [whole] if whole is not None else []
    for instruction in order.body.get("dosageInstruction", ()):
        timing = instruction.get("timing", {})
        repeat = timing.get("repeat", {})
        said = map(parse_date, (*timing.get("event", ()), repeat.get("boundsPeriod", {}).get(bound)))
        found += [when for when in said if when is not None]
        if bound == "end" and order.dated is not None:
            found += filter(None, (_end_of_duration(order.dated, repeat), _last_repetition(order.dated, repeat)))
    return found


_UNITS = {
    **dict.fromkeys(("d", "day", "days"), (0, 1)),
    **dict.fromkeys(("wk", "week", "weeks"), (0, 7)),
    **dict.fromkeys(("mo", "month", "months"), (1, 0)),
    **dict.fromkeys(("a", "year", "years"), (12, 0)),
}
"""Months and days in a unit of UCUM, or in its words."""


def _end_of_duration(start: PartialDate, repeat: Mapping[str, Any]) -> PartialDate | None:
    """Give the last day of what was to be taken for some time."""
    duration = repeat.get("boundsDuration", {})
    after = _later(start, decimal_of(duration.get("value")), duration.get("code", duration.get("unit")))
    return shifted(after, -1) if after is not None else None


def _last_repetition(start: PartialDate, repeat: Mapping[str, Any]) -> PartialDate | None:
    """Give the last day of what was to be taken so many times, at most `frequency` of them in a period."""
    count, period = decimal_of(repeat.get("count")), decimal_of(repeat.get("period"))
    if count is None or period is None:
        return None
    return _later(
        start, (ceil(count / (decimal_of(repeat.get("frequency")) or 1)) - 1) * period, repeat.get("periodUnit")
    )


def _later(start: PartialDate, number: Decimal | None, unit: object) -> PartialDate | None:
    """Give the date some units later; `None` where they are none, or of another kind."""
    months, days = _UNITS.get(str(unit), (0, 0))
    units = max(number or 0, 0)
    later = shifted(months_later(start, int(units * months)), int(units * days))
    return later if later.first > start.first else None


def unfinished(reader: Reader, *drugs: str) -> list[Resource]:
    """Give the administrations that may have been given all or in part, though none says that it is done."""
    courses = courses_of(reader)
    return [
        dose
        for dose in reader.chart.holding("MedicationAdministration", *drugs)
        if dose.status in _UNFINISHED and not dose.future and not sensitises(reader, dose, courses)
    ]


def halted(reader: Reader) -> list[Resource]:
    """Give the orders of systemic therapy that were perhaps carried out in part, though none says that it is done."""
    courses = courses_of(reader)
    return [
        order
        for order in medication(reader)
        if order.kind == "MedicationRequest"
        and order.status not in NOT_GIVEN[order.kind] | {"completed"}
        and not only_proposes(order)
        and not sensitises(reader, order, courses)
    ]


def medication(reader: Reader, *drugs: str) -> list[Resource]:
    """Give the administrations and requests of some drugs, by default of all that make a cycle."""
    wanted = drugs or (DRUGS,)
    return [dose for kind in MEDICATIONS for dose in reader.chart.holding(kind, *wanted) if not _forbidden(dose)]


def _forbidden(dose: Resource) -> bool:
    """Whether a request says that the drug is not to be given."""
    return dose.body.get("doNotPerform") is True


def only_sensitiser(dose: Resource) -> bool:
    """Whether a dose is of nothing but a fluoropyrimidine."""
    return {name for name in dose.sets if name.startswith("drug-")} == {"drug-fluoropyrimidine"}


def sensitises(reader: Reader, dose: Resource, courses: Iterable[Course]) -> bool:
    """Whether a dose was surely part of a course of radiotherapy."""
    return only_sensitiser(dose) and inside_any(start_of(reader, dose), courses)


def named_in_text(reader: Reader, *topics: str) -> list[Resource]:
    """Give the doses that are about some topics by their text, and were or may have been given."""
    doses = (*reader.chart.of("MedicationAdministration"), *reader.chart.of("MedicationRequest"))
    return [
        dose
        for dose in doses
        if not dose.topics.isdisjoint(topics) and dose.status not in NOT_GIVEN[dose.kind] and not _forbidden(dose)
    ]


def procedures_in_text(reader: Reader) -> list[Resource]:
    """Give the Procedures that give systemic therapy by their text, and were or may have been done."""
    named = (done for done in reader.chart.of("Procedure") if not _BY_NAME.isdisjoint(done.topics))
    return [done for done in named if done.status not in NOT_DONE]


def is_refused(reader: Reader, *drugs: str) -> bool:
    """Whether a dose of some drugs is among the resources that cannot be read."""
    return any(refusal.kind in MEDICATIONS and is_systemic(refusal, *drugs) for refusal in reader.chart.refused)


def is_systemic(refusal: Refused, *sets: str) -> bool:
    """Whether a resource that cannot be read is systemic therapy, by its text or some value sets."""
    topics = {SYSTEMIC, *sets}
    return not topics.isdisjoint(refusal.topics) or any(matches(name, sets) for name in refusal.sets)


class Doses(NamedTuple):
    """Doses of a time: those surely in it, those that may be, and whether there are surely no others."""

    certain: list[Resource]
    possible: list[Resource]
    closed: bool


def sorted_out(
    reader: Reader,
    drugs: tuple[str, ...],
    surely: Callable[[PartialDate], bool],
    perhaps: Callable[[PartialDate, PartialDate], bool],
    *,
    closed: bool,
) -> Doses:
    """Part the doses of a time from those that may be of it: undated, unfinished, perhaps part of radiotherapy.

    What was given for another cancer is neither.
    """
    courses = [*courses_of(reader), *named_courses(reader)]
    found = Doses([], [], closed and reader.complete(*MEDICATIONS))
    for dose in given(reader, *drugs):
        when = dose.dated
        if is_for_another(reader, dose):
            continue
        if when is not None and surely(when) and not (only_sensitiser(dose) and touches_any(when, courses)):
            found.certain.append(dose)
        elif is_possible(dose, when, perhaps):
            found.possible.append(dose)
    found.possible.extend(
        dose
        for dose in (*unfinished(reader, *drugs), *proposed(reader, *drugs))
        if not is_for_another(reader, dose) and is_possible(dose, start_of(reader, dose), perhaps)
    )
    return found


def is_possible(dose: Resource, start: PartialDate | None, perhaps: Callable[[PartialDate, PartialDate], bool]) -> bool:
    """Whether a dose may be of a time: by its start and the last day that it may have."""
    return start is None or perhaps(start, latest_of(dose) or start)


def ended_last(reader: Reader, doses: Iterable[Resource]) -> tuple[PartialDate, Resource] | None:
    """Give the dose that ended last, with its end."""
    ends = [(end, dose) for dose in doses if (end := end_of(reader, dose)) is not None]
    return max(ends, key=lambda ended: (ended[0].last, ended[0].first, ended[1].reference), default=None)
