"""Procedures of which nothing says what was done: they may be the resection that the chart has no code for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from fhir_mappings.bundle import read_source
from fhir_mappings.case import Issue, Sign
from fhir_mappings.relevance import Relevance
from tests.charts import CPT, SNOMED, Resource, concept, order, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown, terminology

if TYPE_CHECKING:
    from collections.abc import Mapping

SURGICAL = concept(SNOMED, "387713003")
DIAGNOSTIC = concept(SNOMED, "103693007")
LOCAL = concept("urn:oid:1.2.3", "4711")
NULL_FLAVOR = concept("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "UNK")
PLAN = order("o", (CPT, "44160"), on="2026-05-20")
UNNAMED, TEXT = "nothing says what was done", "text only: not mapped"


def one(code: Mapping[str, Any] | None, *, status: str = "completed", **more: Any) -> Resource:
    bare = procedure("p", (CPT, "x"), on="2026-05-25", status=status, **more)
    del bare["code"]
    return bare if code is None else bare | {"code": code}


def found(done: Resource) -> tuple[Any, bool, bool]:
    case = read(PRIMARY, LIVER, PLAN, done)
    complete, doubt = Sign.PROCEDURES_COMPLETE in case.signs, Sign.LIVER_OPERATION_IN_DOUBT in case.signs
    return shown(case, "primary-in-situ"), complete, doubt


MAY_BE = [
    one(None),
    one(None, category=SURGICAL),
    one(None, category={"text": "Surgery"}),
    one({}, category=SURGICAL),
    one({"extension": [{"url": "http://x.example", "valueString": "masked"}]}),
    one(LOCAL),
    one(LOCAL, category=SURGICAL),
    one(NULL_FLAVOR),
    one(SURGICAL),
    one(concept(SNOMED, "71388002")),
    one(SURGICAL | {"text": "Surgery"}),
    one(SURGICAL | {"text": "Right hemicolectomy"}),
    *(one({"text": text}) for text in ("Surgery", "Surgical procedure", "Operation", "OP", "Eingriff", "Chirurgie")),
    *(one({"text": text}) for text in ("Abdominal surgery", "Tumor surgery", "Bauchoperation", "Cirugía", "Unknown")),
    one(None, status="in-progress"),
]


@pytest.mark.parametrize("done", MAY_BE)
def test_what_may_be_a_resection_leaves_open_whether_there_was_one(done: Resource) -> None:
    assert found(done) == ("gap: absent", False, True)


@pytest.mark.parametrize(
    "done",
    [
        one(None, category=DIAGNOSTIC),
        one(LOCAL, category=DIAGNOSTIC),
        one(LOCAL | {"text": "Electrocardiogram"}),
        one(SURGICAL | {"text": "Appendectomy"}),
        one(concept(SNOMED, "80146002")),
        one({"text": "Cataract surgery"}),
        one({"text": "Operation note"}),
        one(None, status="not-done"),
        one(None, status="entered-in-error"),
    ],
)
def test_what_is_known_to_be_something_else_does_not(done: Resource) -> None:
    assert found(done) == (True, True, False)


def test_it_is_said_why() -> None:
    issues = [read(PRIMARY, LIVER, done).issues for done in (one(None), one(SURGICAL), one({"text": "Surgery"}))]
    assert issues == [(Issue("Procedure/p", reason, "flagged"),) for reason in (UNNAMED, UNNAMED, TEXT)]


@pytest.mark.parametrize("done", [*MAY_BE, one("x"), one([]), one(LOCAL, category=DIAGNOSTIC)])  # type: ignore[arg-type]
def test_the_scan_lets_it_pass_as_the_dictionary_does(done: Resource) -> None:
    sent = read_source(orjson.dumps({"resourceType": "Bundle", "entry": [{"resource": done}]}), terminology())
    assert (Relevance(terminology()).matters_as_dictionary(done), [*sent.resources]) == (True, [done])
