"""Plans to resect the primary that are known by their names alone: what is planned is asked, and not assumed."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Issue
from tests.charts import CPT, SNOMED, local, order, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

FACT = "colorectal-operation"
NAMES = ["Hartmann operation", "Abdominoperineal resection of rectum", "Total colectomy", "Low anterior resection"]
NAMES += ["Abdominoperineale Rektumexstirpation", "Tiefe anteriore Rektumresektion", "Sigmaresektion", "TME"]
NAMES += ["Proktokolektomie", "Résection antérieure du rectum", "Hemicolectomía derecha", "Rectumresectie"]


def named(text: str, **more: Any) -> dict[str, Any]:
    return order("s", (CPT, "1"), on="2026-06-10", **more) | {"code": {"text": text}}


def beside_code(text: str) -> dict[str, Any]:
    code = {"coding": [{"system": SNOMED, "code": "1", "display": text}]}
    return order("s", (SNOMED, "1"), on="2026-06-10") | {"code": code}


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_known_by_its_name_is_unreadable(name: str) -> None:
    prepared = procedure("p", (CPT, "1"), status="preparation") | {"code": {"text": name}}
    found = [shown(read(PRIMARY, LIVER, plan), FACT) for plan in (named(name), beside_code(name), prepared)]
    assert found == ["gap: unreadable"] * 3


def test_a_plan_known_by_its_name_is_told_of() -> None:
    case = read(PRIMARY, LIVER, named("Hartmann operation"))
    assert case.issues == (Issue("ServiceRequest/s", "text only: not mapped", "flagged"),)


@pytest.mark.parametrize(
    "name",
    [
        "Liver function test",
        "Colonoscopy",
        "Histology of colectomy specimen",
        "Reversal of Hartmann procedure",
        "Endoscopic mucosal resection of rectum",
        "Follow-up after right hemicolectomy",
        "Cholecystectomy",
        "CT rectum",
        "APR-DRG review",
    ],
)
def test_another_order_says_nothing_of_the_operation(name: str) -> None:
    found = [
        (shown(case, FACT), case.issues) for case in (read(PRIMARY, LIVER, one(name)) for one in (named, beside_code))
    ]
    assert found == [("gap: absent", ())] * 2


@pytest.mark.parametrize(
    "plan",
    [
        *(named("Hartmann operation", status=status) for status in ("revoked", "completed", "entered-in-error")),
        named("Hartmann operation", doNotPerform=True),
        procedure("p", (CPT, "1"), status="not-done") | {"code": {"text": "Hartmann operation"}},
    ],
)
def test_a_plan_that_is_not_open_says_nothing(plan: dict[str, Any]) -> None:
    assert shown(read(PRIMARY, LIVER, plan), FACT) == "gap: absent"


def test_what_was_entered_stays_beside_a_plan_known_by_its_name() -> None:
    case = read(PRIMARY, LIVER, local(FACT, "right-hemicolectomy", on="2026-06-01"), named("Hartmann operation"))
    assert shown(case, FACT) == "right-hemicolectomy"


def test_a_multivisceral_plan_known_by_its_name_is_unreadable() -> None:
    case, plain = (read(PRIMARY, LIVER, named(name)) for name in ("Multiviszerale Resektion", "Sigmoidectomy"))
    fact = "colorectal-multivisceral"
    assert (shown(case, fact), shown(plain, fact)) == ("gap: unreadable", "gap: absent")


def test_a_plan_that_an_order_of_another_kind_replaces_is_no_plan_known_by_code_or_name() -> None:
    liver = order("new", (CPT, "47120"), on="2026-06-12") | {"replaces": [{"reference": "ServiceRequest/s"}]}
    plans = (order("s", (CPT, "44145"), on="2026-06-10"), named("Hartmann operation"))
    assert [shown(read(PRIMARY, LIVER, plan, liver), FACT) for plan in plans] == ["gap: absent"] * 2
