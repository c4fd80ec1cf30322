"""Operations whose code is of a system that is read and in no value set: their name stops conclusions from silence."""

from __future__ import annotations

import pytest

from fhir_mappings.case import Issue, Sign
from fhir_mappings.relevance import Relevance
from tests.charts import CPT, OPCS, SNOMED, Resource, condition, order, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown, terminology

OPS = "http://fhir.de/CodeSystem/bfarm/ops"
NAMED = "known by its text alone: code not mapped"


def named(system: str, name: str, *, status: str = "completed") -> Resource:
    code = {"coding": [{"system": system, "code": "1", "display": name}]}
    return procedure("p", (system, "1"), on="2026-06-01", status=status) | {"code": code}


@pytest.mark.parametrize(
    ("system", "name"),
    [
        (SNOMED, "Laparoscopic right hemicolectomy (procedure)"),
        (SNOMED, "Hartmann operation"),
        (SNOMED, "Robot assisted low anterior resection of rectum"),
        (SNOMED, "Laparoscopic resection of sigmoid colon"),
        (SNOMED, "Pelvic exenteration with resection of rectum"),
        (OPS, "Partielle Resektion des Dickdarmes: Sigmaresektion"),
        (OPS, "Hemikolektomie rechts"),
        (SNOMED, "Colorectal resection"),
        (SNOMED, "Left hepatectomy"),
        (SNOMED, "Lobectomy of liver"),
        (SNOMED, "Segmental excision of liver"),
        (CPT, "Ablation, 1 or more liver tumor(s), percutaneous, cryoablation, new"),
        (OPCS, "Percutaneous radiofrequency ablation of lesion of liver"),
        (OPS, "Atypische Leberresektion"),
        (SNOMED, "Hepatic metastasectomy"),
        (SNOMED, "Laparoscopic left lateral sectionectomy"),
        (OPS, "Mikrowellenablation Leber Segment VI"),
        (OPS, "Segmentektomie und Metastasektomie der Leber"),
    ],
)
def test_an_operation_known_by_its_name_leaves_open_what_was_done(system: str, name: str) -> None:
    case = read(PRIMARY, LIVER, order("o", (CPT, "44160"), on="2026-05-20"), named(system, name))
    found = (shown(case, "primary-in-situ"), Sign.PROCEDURES_COMPLETE in case.signs, case.issues)
    assert found == ("gap: absent", False, (Issue("Procedure/p", NAMED, "flagged"),))


@pytest.mark.parametrize(
    "name",
    [
        "Colonoscopy with polypectomy",
        "Endoscopic mucosal resection of lesion of rectum",
        "Transanal excision of rectal tumour",
        "Excision of polyp of rectum",
        "Reversal of Hartmann procedure",
        "Biopsy of liver",
        "Ultrasonography of liver",
        "Cholecystectomy",
        "Appendectomy",
        "Resection of small intestine",
        "Transurethral resection of prostate",
        "Catheter ablation of atrium",
        "Rectal examination",
    ],
)
def test_another_procedure_leaves_the_conclusions_from_silence(name: str) -> None:
    case = read(PRIMARY, LIVER, order("o", (CPT, "44160"), on="2026-05-20"), named(SNOMED, name))
    found = (shown(case, "primary-in-situ"), Sign.PROCEDURES_COMPLETE in case.signs, case.issues)
    assert found == (True, True, ())


def test_an_operation_that_was_not_done_leaves_them_as_well() -> None:
    case = read(PRIMARY, LIVER, named(SNOMED, "Laparoscopic right hemicolectomy", status="not-done"))
    assert Sign.PROCEDURES_COMPLETE in case.signs


UNLISTED = "an operation of the liver, its code does not say which"


@pytest.mark.parametrize(
    ("code", "status", "open_"),
    [
        ("47379", "completed", True),
        ("47399", "completed", True),
        ("47379", "unknown", True),
        ("47379", "preparation", False),
        ("47379", "not-done", False),
        ("47379", "entered-in-error", False),
    ],
)
def test_an_unlisted_operation_of_the_liver_leaves_open_whether_it_was_treated(
    code: str, status: str, *, open_: bool
) -> None:
    case = read(PRIMARY, LIVER, procedure("p", (CPT, code), on="2026-06-01", status=status))
    flagged = Issue("Procedure/p", UNLISTED, "flagged", ("liver-state",)) in case.issues
    found = (shown(case, "liver-state"), Sign.LIVER_OPERATION_IN_DOUBT in case.signs, flagged)
    assert found == ("gap: absent", open_, open_)
    assert Sign.PROCEDURES_COMPLETE in case.signs


def test_a_drug_that_a_procedure_names_may_be_chemotherapy() -> None:
    given = named(OPS, "Applikation von Bevacizumab, parenteral")
    since = Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS
    assert [since in read(PRIMARY, LIVER, *more).signs for more in ([], [given])] == [False, True]


def test_an_operation_beside_a_code_that_is_mapped_is_read_by_the_code() -> None:
    done = procedure("p", (CPT, "45378"), on="2026-06-01")
    done["code"]["coding"] += [{"system": CPT, "code": "44160", "display": "Hemicolectomy"}]
    case = read(condition("primary", (SNOMED, "363410008"), onset="2026-05-01"), LIVER, done)
    assert (shown(case, "primary-operation-done"), case.issues) == ("right-hemicolectomy", ())


@pytest.mark.parametrize(("name", "matters"), [("Left hepatectomy", True), ("Colonoscopy", False)])
def test_only_a_procedure_that_names_an_operation_matters_beside_its_code(name: str, *, matters: bool) -> None:
    relevance = Relevance(terminology())
    assert relevance.matters_as_dictionary(named(SNOMED, name)) is matters
