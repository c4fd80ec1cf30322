"""Whether the chart holds both diseases (row G0), and the signs that stand beside the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import Evidence, Gap, Known, Narrowed, PartialDate, Scope, Sign, Unknown, add_months
from fhir_mappings.read.adjuvant import adjuvant
from fhir_mappings.read.conditions import (
    active,
    asserted,
    confirmed,
    histories,
    metastases,
    past_metastases,
    primaries,
)
from fhir_mappings.read.elsewhere import distant_sites
from fhir_mappings.read.once import once
from fhir_mappings.read.operations import (
    LIVER_OPERATIONS,
    RESECTIONS,
    liver_operations,
    resected_long_before_diagnosis,
    unlisted_liver_operations,
)
from fhir_mappings.read.pathology import contested_nodes, margins, pathological_nodes
from fhir_mappings.read.primary import perforations
from fhir_mappings.read.tnm import named_pathologically, pathological, several_organs
from fhir_mappings.read.topics import also_named, named_beside
from fhir_mappings.read.treatment import may_be_since

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Fact
    from fhir_mappings.read.chart_reading import Refused, Resource
    from fhir_mappings.read.reader import Reader

_PRIMARY, _LIVER, _ELSEWHERE = "primary", "liver-metastasis", "metastasis-elsewhere"
_PERFORATION, _RESECTED = "perforation", "resected"
_BESIDE = frozenset({_ELSEWHERE, _PERFORATION, _RESECTED})
_HINTS = frozenset({"resection-hint", "tnm-t-pathological", "tnm-n-pathological"})
RECENT_MONTHS = 6


def read_scope(reader: Reader) -> tuple[Scope, tuple[Evidence, ...]]:
    """Decide row G0: both diseases stand in the conditions, surely not, or they could.

    What could be one of the diseases is a Condition with text alone, one that cannot be read, one whose code is
    withheld (beside the other disease), or Conditions that were not had.
    """
    primary, liver = [*primaries(reader), *histories(reader)], metastases(reader)
    proof = [reader.evidence(found, "primary-site-*", "primary-history") for found in primary]
    proof += [reader.evidence(found, _LIVER) for found in liver]
    if primary and liver:
        return Scope.IN, _once(proof)
    could_primary, could_liver = _could_be(reader, _PRIMARY), _could_be(reader, _LIVER)
    if not primary and not liver:
        could_primary = [one for one in could_primary if not one[1]]
        could_liver = [one for one in could_liver if not one[1]]
    if (primary or could_primary) and (liver or could_liver):
        missing = [*([] if primary else could_primary), *([] if liver else could_liver)]
        return Scope.UNCERTAIN, _once([*proof, *(found for found, _ in missing)])
    if not reader.complete("Condition"):
        return Scope.UNCERTAIN, _once(proof)
    return Scope.OUT, ()


def _once(proof: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(proof))


def _could_be(reader: Reader, disease: str) -> list[tuple[Evidence, bool]]:
    """Give the Conditions that could be a disease; true beside those of which nothing is known."""
    found = []
    for condition in reader.chart.of("Condition"):
        if asserted(condition) and (condition.masked or disease in _named(reader, condition)):
            counts = disease == _PRIMARY or (
                active(condition) and not (condition.starting("primary-") and past_metastases(reader))
            )
            if counts:
                found.append((Evidence(condition.reference, dated=condition.dated), condition.masked))
    found += [
        (Evidence(refusal.reference), refusal.masked)
        for refusal in reader.chart.refused
        if refusal.kind == "Condition" and (refusal.masked or _refused_is(refusal, disease))
    ]
    return found


def _named(reader: Reader, condition: Resource) -> frozenset[str]:
    return condition.topics | named_beside(condition.body, condition.sets, reader.terminology)


def _refused_is(refusal: Refused, disease: str) -> bool:
    if disease in refusal.topics:
        return True
    if disease == _LIVER:
        return _LIVER in refusal.sets
    return any(name.startswith("primary-site-") or name == "primary-history" for name in refusal.sets)


def read_signs(reader: Reader) -> frozenset[Sign]:
    """Find the signs of a chart."""
    found = {
        Sign.PROCEDURES_COMPLETE: reader.complete("Procedure") and not reader.uncertain(RESECTIONS),
        Sign.LIVER_OPERATION_IN_DOUBT: _liver_operation_in_doubt(reader),
        Sign.LIVER_TREATED: bool(liver_operations(reader)) or reader.value("liver-state") in ("treated", "recurrence"),
        Sign.PRIMARY_RESECTED: bool(reader.done(RESECTIONS)),
        Sign.RESECTION_HINTED: _resection_hinted(reader),
        Sign.DATES_CONTRADICTED: _dates_contradicted(reader),
        Sign.RECENT_DIAGNOSIS: _recent_diagnosis(reader),
        Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS: may_be_since(reader, reader.date_of("liver-metastasis-date")),
        Sign.METASTASIS_ELSEWHERE: _metastasis_elsewhere(reader),
        Sign.PERFORATION: _perforation(reader),
        Sign.PATHOLOGICAL_NODES: pathological_nodes(reader) is not None,
        Sign.OTHER_CANCER: bool(other_cancers(reader)),
        Sign.UNCONFIRMED_DISEASE: _unconfirmed(reader),
    }
    return frozenset(sign for sign, holds in found.items() if holds)


def _metastasis_elsewhere(reader: Reader) -> bool:
    """Whether there is a metastasis elsewhere, or may be: by text alone, doubted, or one that cannot be read."""
    if any(_is_elsewhere(one) and active(one) for one in _conditions(reader)) or _ELSEWHERE in _also_named(reader):
        return True
    if distant_sites(reader) or several_organs(reader):
        return True
    return any(one.kind == "Condition" and _is_elsewhere(one) for one in reader.chart.refused)


def _perforation(reader: Reader) -> bool:
    """Whether a perforation is coded or entered, or could be: with text alone, or one that cannot be read."""
    if perforations(reader) or _said(reader, "primary-symptoms", "perforation"):
        return True
    if any(map(asserted, reader.chart.about("Condition", _PERFORATION))):
        return True
    if _PERFORATION in _also_named(reader):
        return True
    return any("symptom-perforation" in one.sets or _PERFORATION in one.topics for one in reader.chart.refused)


@once
def _also_named(reader: Reader) -> frozenset[str]:
    """Give what the name of one of the two diseases says of the signs: "colon cancer with lung metastases"."""
    diseases = (*primaries(reader), *metastases(reader))
    named = (also_named(one.body, one.sets, reader.terminology, among=_BESIDE) for one in diseases)
    return frozenset[str]().union(*named)


def _is_elsewhere(found: Resource | Refused) -> bool:
    return _ELSEWHERE in found.sets or _ELSEWHERE in found.topics


def other_cancers(reader: Reader) -> tuple[Evidence, ...]:
    """Give the Conditions of other active, confirmed solid cancers."""
    found = [one for one in reader.chart.held("Condition", "other-cancer") if active(one) and confirmed(one)]
    return _once(reader.evidence(one, "other-cancer") for one in found)


def _conditions(reader: Reader) -> list[Resource]:
    return reader.chart.of("Condition")


def _liver_operation_in_doubt(reader: Reader) -> bool:
    return reader.uncertain(*LIVER_OPERATIONS) or bool(unlisted_liver_operations(reader))


def _resection_hinted(reader: Reader) -> bool:
    if any(asserted(one) and ("resection-hint" in one.sets or _RESECTED in one.topics) for one in _conditions(reader)):
        return True
    if _RESECTED in _also_named(reader) or named_pathologically(reader):
        return True
    if not all(one.sets.isdisjoint(_HINTS) for one in reader.chart.refused):
        return True
    if (
        any(pathological(reader, letter) for letter in ("T", "N"))
        or margins(reader)
        or adjuvant(reader)
        or pathological_nodes(reader) is not None
        or contested_nodes(reader) is not None
    ):
        return True
    told = ("primary-margin", "primary-resection-date", "primary-operation-done")
    return any(_is_told(reader.fact(code)) for code in told) or _may_be_adjuvant(reader.fact("adjuvant-status"))


def _is_told(fact: Fact) -> bool:
    """Whether a fact is recorded, if only in sources that contradict each other or in one that cannot be read."""
    return not isinstance(fact, Unknown) or fact.gap in {Gap.CONFLICTING, Gap.UNREADABLE}


def _may_be_adjuvant(status: Fact) -> bool:
    given = {"ongoing", "completed"}
    match status:
        case Known(value=value):
            return value in given
        case Narrowed(values=frozenset() as left) | Unknown(contested=left):
            return not given.isdisjoint(left)
        case _:
            return False


def _dates_contradicted(reader: Reader) -> bool:
    detected = reader.fact("metastases-detected")
    contested = isinstance(detected, Unknown) and detected.gap is Gap.CONFLICTING
    return contested or resected_long_before_diagnosis(reader)


def _recent_diagnosis(reader: Reader) -> bool:
    diagnosed = reader.date_of("primary-diagnosis-date")
    return _since(diagnosed, reader) and not reader.from_recorded("primary-diagnosis-date")


def _since(diagnosed: PartialDate | None, reader: Reader) -> bool:
    return diagnosed is not None and diagnosed.first >= add_months(reader.as_of, -RECENT_MONTHS)


def _said(reader: Reader, code: str, value: str) -> bool:
    return any(candidate.value == value for candidate in reader.local(reader.catalogue[code]))


def _unconfirmed(reader: Reader) -> bool:
    for disease in ([*primaries(reader), *histories(reader)], metastases(reader)):
        if disease and not any(confirmed(condition) for condition in disease):
            return True
    return False
