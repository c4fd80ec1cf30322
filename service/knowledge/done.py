"""What of the treatment a chart shows as done, in codes that a report can count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.case import ABSENT, Sign

if TYPE_CHECKING:
    from datetime import date

    from fhir_mappings.case import Case

SYSTEMIC, LIVER, PRIMARY, TOGETHER = (
    "systemic-therapy",
    "liver-operation",
    "primary-resection",
    "liver-and-primary-on-one-day",
)


def treatments_done(case: Case) -> frozenset[str]:
    """Give the codes of what was done; operations of one day stand as one, which no order can be told of."""
    liver = Sign.LIVER_TREATED in case.signs
    primary = Sign.PRIMARY_RESECTED in case.signs or case.value("primary-in-situ") is False
    done = {SYSTEMIC} if Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS in case.signs else set()
    if liver and primary and _days(case, "liver-state") & _days(case, "primary-in-situ", "primary-resection-date"):
        return frozenset(done | {TOGETHER})
    return frozenset(done | ({LIVER} if liver else set()) | ({PRIMARY} if primary else set()))


def _days(case: Case, *facts: str) -> set[date]:
    evidence = [found for fact in facts for found in case.facts.get(fact, ABSENT).evidence]
    return {found.dated.first for found in evidence if found.dated is not None and found.dated.is_day}
