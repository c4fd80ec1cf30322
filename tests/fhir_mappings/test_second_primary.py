"""A new cancer of the bowel after one that is over: which of them the metastases are of is open."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue
from tests.charts import CPT, ICD10CM, condition, procedure
from tests.fhir_mappings.reading import read, shown

LIVER = condition("l", (ICD10CM, "C78.7"), onset="2026-05-10")
OPEN = ("gap: absent", "gap: absent", "gap: absent")


def cancer(ident: str, code: str, onset: str | None, clinical: str = "active", **more: Any) -> dict[str, Any]:
    return condition(ident, (ICD10CM, code), onset=onset, clinical=clinical, **more)


def told(*resources: dict[str, Any]) -> tuple[Any, Any, Any]:
    case = read(*resources, LIVER)
    in_situ, found, months = (
        shown(case, fact) for fact in ("primary-in-situ", "metastases-detected", "months-primary-to-metastases")
    )
    return in_situ, found, months


NEW = cancer("new", "C18.7", "2026-05-01")


@pytest.mark.parametrize("clinical", ["resolved", "remission", "inactive"])
def test_a_new_cancer_after_one_at_another_site_that_is_over_leaves_open_which_counts(clinical: str) -> None:
    old = cancer("old", "C20", "2010-03-01", clinical)
    assert told(old, NEW) == OPEN
    flagged = Issue(
        "Condition/new",
        "a cancer at another site, after the primary was resected or over, not told apart from it",
        "flagged",
        ("primary-in-situ",),
    )
    assert read(old, NEW, LIVER).issues == (flagged,)


@pytest.mark.parametrize(
    "old",
    [
        cancer("old", "C18.7", "2010-03-01", "resolved"),
        cancer("old", "C18.9", "2010-03-01", "resolved"),
        cancer("old", "C20", "2010-03-01"),
        cancer("old", "C20", None, "resolved"),
        cancer("old", "C20", "2010-03-01", "resolved", verification="refuted"),
        cancer("old", "C20", "2026-03-01", "resolved"),
        cancer("old", "C20", "2026-05-05", "resolved"),
        cancer("old", "C21.1", "2010-03-01", "resolved"),
    ],
)
def test_a_cancer_at_the_site_of_the_first_or_of_its_time_is_none_of_its_own(old: dict[str, Any]) -> None:
    assert told(old, NEW) != OPEN


def test_a_new_cancer_that_was_resected_is_the_one_that_counts() -> None:
    old, resection = cancer("old", "C20", "2010-03-01", "resolved"), procedure("r", (CPT, "44145"), on="2026-05-20")
    assert told(old, NEW, resection) == (False, "at-staging", 0)
