"""Adjuvant chemotherapy: between the resection of the primary and the metastases, whether it is over, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import PartialDate
from fhir_mappings.read.dates import earlier, value_of
from fhir_mappings.read.doses import (
    DRUGS,
    INFUSION,
    SYSTEMIC,
    Doses,
    end_of,
    ended_last,
    halted,
    is_possible,
    is_refused,
    latest_of,
    medication,
    named_in_text,
    only_proposes,
    procedures_in_text,
    proposed,
    sorted_out,
    start_of,
)
from fhir_mappings.read.once import once
from fhir_mappings.read.other_cancers import is_for_another
from fhir_mappings.read.settle import Candidate, derived

if TYPE_CHECKING:
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader


def adjuvant(reader: Reader) -> list[Resource]:
    """Give the doses surely between the primary's resection and the metastases; sorted by date."""
    doses = _adjuvant(reader)
    return doses.certain if doses is not None else []


@once
def _adjuvant(reader: Reader) -> Doses | None:
    resected, found = reader.date_of("primary-resection-date"), reader.date_of("liver-metastasis-date")
    if resected is None or found is None:
        return None

    def surely(when: PartialDate) -> bool:
        return earlier(resected, when) and earlier(when, found)

    def perhaps(start: PartialDate, latest: PartialDate) -> bool:
        return latest.last > resected.first and start.first < found.last

    in_text = any(is_possible(dose, start_of(reader, dose), perhaps) for dose in named_in_text(reader, SYSTEMIC))
    doses = sorted_out(reader, (DRUGS,), surely, perhaps, closed=not in_text and not is_refused(reader, DRUGS))
    if not doses.certain:
        doses.possible.extend(
            order
            for order in halted(reader)
            if not is_for_another(reader, order) and is_possible(order, start_of(reader, order), perhaps)
        )
    return doses


def _adjuvant_by_name(reader: Reader) -> list[Candidate]:
    """Give the therapy of that time that is known by its name or as a Procedure: whether it is over, it cannot tell."""
    resected, found = reader.date_of("primary-resection-date"), reader.date_of("liver-metastasis-date")
    named = (
        *named_in_text(reader, SYSTEMIC),
        *proposed(reader),
        *reader.done(INFUSION),
        *procedures_in_text(reader),
    )
    return [
        Candidate(None, one.dated, (reader.evidence(one, INFUSION),), unreadable=True)
        for one in named
        if resected is not None and found is not None and one.dated is not None
        if earlier(resected, one.dated) and earlier(one.dated, found)
    ]


def status(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive adjuvant chemotherapy: completed, or ongoing where an order of it is still active.

    Where no dose was surely given in its time and some may have been, there may have been none. What has an end that
    was entered is completed.
    """
    ends = reader.local(reader.catalogue["adjuvant-end-date"])
    ended = [Candidate("completed", one.dated, derived(one.evidence)) for one in ends if one.value is not None]
    return [*ended, *_adjuvant_by_doses(reader)]


def _adjuvant_by_doses(reader: Reader) -> list[Candidate]:
    doses = _adjuvant(reader)
    listed = (doses.certain or doses.possible) if doses is not None else []
    named = [] if doses is not None and doses.certain else _adjuvant_by_name(reader)
    if named or doses is None or not listed:
        return named
    resected, found = reader.date_of("primary-resection-date"), reader.date_of("liver-metastasis-date")
    running = [
        order
        for order in medication(reader)
        if order.kind == "MedicationRequest"
        and order.status == "active"
        and not only_proposes(order)
        and (start := start_of(reader, order)) is not None
        and resected is not None
        and found is not None
        and earlier(resected, start)
        and earlier(start, found)
    ]
    left = {"ongoing" if running else "completed", *(() if doses.certain else ("none",))}
    if not reader.complete("MedicationRequest"):
        left.add("ongoing")  # an order that is still active may be among those that were not had
    value = frozenset[str | bool](left) if len(left) > 1 else left.pop()
    proof = tuple(reader.evidence(dose, DRUGS, how="derived") for dose in (*listed, *running))
    return [Candidate(value, listed[-1].dated, proof)]


def end(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive the last day of completed adjuvant chemotherapy, or the days between which its doses leave it.

    Open where a later dose has no date or was not finished: nobody knows how long it took.
    """
    doses, found = _adjuvant(reader), reader.date_of("liver-metastasis-date")
    if doses is None or found is None or not doses.closed:
        return []
    ended = ended_last(reader, doses.certain)
    if ended is None or not any(said.value == "completed" for said in _adjuvant_by_doses(reader)):
        return []
    first = max(end.first for one in doses.certain if (end := end_of(reader, one)) is not None)
    last, proof = ended[0].last, [ended[1]]
    for one in doses.possible:
        end = latest_of(one)
        if end is None or (end.last > ended[0].last and one.status != "completed"):
            return []
        if end.last > ended[0].last:
            last, proof = max(last, min(end.last, found.last)), [*proof, one]
    when = PartialDate(first, last)
    evidence = tuple(reader.evidence(one, DRUGS, how="derived") for one in proof)
    return [Candidate(value_of(when), when, evidence)]
