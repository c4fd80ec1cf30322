"""Signs of systemic therapy: what stops the assumption that none was given for the metastases."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import ATC, CPT, HCPCS, ICD10, ICD10CM, OPCS, PCS, RXNORM, SNOMED, concept, condition, procedure
from tests.fhir_mappings.reading import read, shown
from tests.fhir_mappings.therapies import LIVER, OLD, OXALIPLATIN, PRIMARY, given, request

MII = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-therapie-typ"
MII_KIND = MII.replace("therapie-typ", "systemische-therapie-art")
OPS = "http://fhir.de/CodeSystem/bfarm/ops"
SINCE = Sign.SYSTEMIC_THERAPY_SINCE_METASTASIS


def named(text: str) -> dict[str, Any]:
    return {"medicationCodeableConcept": {"text": text}}


def beside_code(display: str) -> dict[str, Any]:
    return {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "1", "display": display}]}}


@pytest.mark.parametrize("status", ["completed", "in-progress", "on-hold", "stopped", "unknown", "given", ""])
def test_a_dose_stops_the_assumption_but_where_it_was_surely_not_given(status: str) -> None:
    case = read(PRIMARY, LIVER, given("2026-02-01", status=status))
    assert SINCE in case.signs


@pytest.mark.parametrize(
    "one",
    [
        *(given("2026-02-01", status=status) for status in ("not-done", "entered-in-error")),
        *(request(status, "2026-02-01") for status in ("active", "on-hold", "cancelled", "draft", "entered-in-error")),
    ],
    ids=lambda one: f"{one['resourceType']} {one['status']}",
)
def test_what_was_surely_not_given_stops_nothing(one: dict[str, Any]) -> None:
    assert SINCE not in read(PRIMARY, LIVER, one).signs


@pytest.mark.parametrize(
    "code",
    ["L01BC59", "L01BC53", "L01BA03", "L01XX44", "L01EX05", "L01EC03", "L01FF01", "L01FF02", "L01XC18"],
)
def test_another_drug_against_cancer_stops_the_assumption_and_is_no_cycle(code: str) -> None:
    case, before = (read(PRIMARY, LIVER, given(on, drug=(ATC, code))) for on in ("2026-02-01", "2025-02-01"))
    found = (SINCE in case.signs, shown(case, "chemotherapy-cycles"), SINCE in before.signs)
    assert found == (True, "gap: absent", False)


def test_another_drug_against_cancer_that_cannot_be_read_stops_the_assumption() -> None:
    assert SINCE in read(PRIMARY, LIVER, given("2026-02-01", drug=(ATC, "L01FF02"), foo=1)).signs


NAMES = ["Eloxatin", "Campto", "Camptosar", "LV5FU2", "Pembrolizumab 200 mg", "Keytruda", "Nivolumab", "Lonsurf"]
NAMES += ["Trifluridine/tipiracil", "Stivarga", "Regorafenib", "Zaltrap", "Ipilimumab", "Tomudex", "Teysuno"]
NAMES += ["5 FU bolus", "Fluoruracil", "Fluoro-Uracil 500 mg", "Kapecitabin", "Ecansya", "Onivyde", "CPT-11", "Mvasi"]
NAMES += ["Zirabev", "Aybintio", "Vegzelma", "Ziv-aflibercept", "Fruquintinib", "Cyramza", "Dostarlimab", "TAS-102"]
NAMES += ["Braftovi", "Sotorasib", "Adagrasib", "Tucatinib", "Floxuridine"]


@pytest.mark.parametrize("name", NAMES)
def test_a_drug_known_by_its_name_stops_the_assumption(name: str) -> None:
    found = [SINCE in read(PRIMARY, LIVER, given("2026-02-01") | as_is(name)).signs for as_is in (named, beside_code)]
    assert found == [True, True]


def test_another_drug_known_by_its_name_leaves_the_cycles_counted() -> None:
    other = given("2026-03-01", ident="o") | beside_code("Pembrolizumab")
    case = read(PRIMARY, LIVER, given("2026-02-01"), given("2026-02-15", ident="e"), other)
    assert (shown(case, "chemotherapy-cycles"), shown(case, "chemotherapy-last-date")) == (2, date(2026, 2, 15))


REGIMENS = ["mFOLFOX6", "FOL-FOX 4", "CapeOx", "CAPOX", "XELIRI", "FLOX", "FUFOX", "FU/LV", "OxMdG", "De Gramont"]
REGIMENS += ["Chemo cycle 3", "Palliative chemo", "Chemokuur", "Kemoterapi", "Cytostatica", "Zytostatikatherapie"]
REGIMENS += ["Cellegift", "Systemtherapie", "Systemic anti-cancer therapy", "SACT", "Antineoplastic agents"]


@pytest.mark.parametrize("name", REGIMENS)
def test_therapy_known_by_the_name_of_a_regimen_stops_the_assumption(name: str) -> None:
    done = procedure("p", (MII, "x"), on="2026-02-01") | {"code": {"text": name}}
    assert [SINCE in read(PRIMARY, LIVER, one).signs for one in (given("2026-02-01") | named(name), done)] == [True] * 2


OTHERS = ["Aflibercept intravitreal", "Paracetamol", "Folinic acid", "Camphor", "Chemosis", "Fluconazole"]
OTHERS += [
    "Fluorouracil 5 % topical cream",
    "Trifluridine 1 % eye drops",
    "Systemic steroid",
    "Flublok influenza vaccine",
]


@pytest.mark.parametrize("name", OTHERS)
def test_another_medicine_stops_nothing(name: str) -> None:
    found = [SINCE in read(PRIMARY, LIVER, given("2026-02-01") | as_is(name)).signs for as_is in (named, beside_code)]
    assert found == [False, False]


PROCEDURES = [
    *((PCS, code) for code in ("3E03305", "3E04305", "3E06305", "3E0DX05", "3E0430M")),
    *((CPT, code) for code in ("96409", "96413", "96417", "96422")),
    *((HCPCS, code) for code in ("96413", "J9263", "J9303", "Q5107", "Q0083", "Q0084", "Q0085", "G0498")),
    *((HCPCS, code) for code in ("J8999", "J9200", "J9228", "J9271", "J9299", "J9308", "J9400", "J9999")),
    *((ATC, code) for code in ("L01", "L01X", "L01FF02")),
    *((OPCS, code) for code in ("X70.1", "X721", "X72.3", "X73.1")),
    *((SNOMED, code) for code in ("716872004", "394894008", "265760000", "266719004", "399042005")),
    *((SNOMED, code) for code in ("238841000000107", "238831000000103", "394934009")),
    *((SNOMED, code) for code in ("400001000004103",)),
    *((OPS, code) for code in ("8-54", "8-542.11", "8-547.0")),
    *((system, code) for system in (MII, MII_KIND) for code in ("CH", "CI", "CZ", "CIZ", "IM", "ZS", "IZ")),
]


@pytest.mark.parametrize("code", PROCEDURES)
def test_systemic_therapy_as_a_procedure_stops_the_assumption(code: tuple[str, str]) -> None:
    done, before, not_done, unread = (
        SINCE in read(PRIMARY, LIVER, procedure("p", code, **more)).signs
        for more in (
            {"on": "2026-02-01"},
            {"on": "2025-02-01"},
            {"status": "not-done"},
            {"status": "not-done", "foo": 1},
        )
    )
    assert (done, before, not_done, unread) == (True, False, False, True)


BILLED = ["J9190", "J8520", "J8521", "J9263", "J9205", "J9206", "J9055", "J9303"]
BEVACIZUMAB = ["J9035", "Q5107", "Q5118", "Q5126", "Q5129"]


@pytest.mark.parametrize("code", [*BILLED, *BEVACIZUMAB])
def test_a_dose_by_its_billing_code_is_a_cycle(code: str) -> None:
    case = read(PRIMARY, LIVER, given("2026-02-01", drug=(HCPCS, code)))
    assert (shown(case, "chemotherapy-cycles"), shown(case, "chemotherapy-last-date")) == (1, date(2026, 2, 1))
    assert (shown(case, "bevacizumab-last-date") == date(2026, 2, 1)) is (code in BEVACIZUMAB)


@pytest.mark.parametrize(
    "code",
    [
        (HCPCS, "J0640"),
        (HCPCS, "J8499"),
        (HCPCS, "Q0081"),
        (HCPCS, "Q5106"),
        (HCPCS, "J9250"),
        (MII, "OP"),
        (MII, "ST"),
        (OPS, "8-541.0"),
        (OPS, "8-522"),
        (OPCS, "X65.4"),
        (CPT, "96523"),
        (PCS, "3E0330M0"),
    ],
)
def test_another_therapy_as_a_procedure_stops_nothing(code: tuple[str, str]) -> None:
    assert SINCE not in read(PRIMARY, LIVER, procedure("p", code, on="2026-02-01")).signs


@pytest.mark.parametrize("name", ["Chemotherapy", "Chemoradiotherapy", "Radiochemotherapie", "FOLFOX cycle 3"])
def test_systemic_therapy_as_a_procedure_known_by_its_name_stops_the_assumption(name: str) -> None:
    done = procedure("p", (MII, "x"), on="2026-02-01") | {"code": {"text": name}}
    assert SINCE in read(PRIMARY, LIVER, done).signs


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        *((name, True) for name in ("FOLFOX chemotherapy regimen", "Neoadjuvant chemotherapy", "mFOLFIRI cycle 2")),
        *((name, True) for name in ("Intravenous infusion of chemotherapy", "Administration of chemotherapy via pump")),
        *((name, False) for name in ("Chemotherapy care plan", "Pre-chemotherapy assessment", "Chemoembolization")),
    ],
)
def test_a_procedure_whose_code_is_in_no_set_is_systemic_therapy_by_its_name(name: str, stops: bool) -> None:  # noqa: FBT001 - a value
    done = procedure("p", (SNOMED, "1"), on="2026-02-01")
    done["code"]["coding"][0]["display"] = name
    assert (SINCE in read(PRIMARY, LIVER, done).signs) is stops


@pytest.mark.parametrize("code", [(ICD10CM, "Z51.11"), (ICD10CM, "Z5111"), (ICD10CM, "Z51.12"), (ICD10, "Z51.1")])
def test_a_session_of_chemotherapy_as_a_diagnosis_stops_the_assumption(code: tuple[str, str]) -> None:
    since, before, refuted, undated = (
        SINCE in read(PRIMARY, LIVER, condition("s", code, **more)).signs
        for more in (
            {"onset": "2026-02-01", "clinical": "resolved"},
            {"onset": "2025-02-01"},
            {"onset": "2026-02-01", "verification": "entered-in-error"},
            {},
        )
    )
    assert (since, before, refuted, undated) == (True, False, False, True)


@pytest.mark.parametrize("code", ["Z51.0", "Z51.81", "Z92.21", "Z08"])
def test_another_reason_of_a_visit_stops_nothing(code: str) -> None:
    assert SINCE not in read(PRIMARY, LIVER, condition("s", (ICD10CM, code), onset="2026-02-01")).signs


def test_a_kit_with_another_drug_against_cancer_stops_the_assumption() -> None:
    kit = {"resourceType": "Medication", "id": "m", "code": concept(ATC, "L01FF02")}
    refers = {"medicationReference": {"reference": "#m"}, "contained": [kit]}
    one = {name: member for name, member in given("2026-02-01", drug=OXALIPLATIN).items() if "Concept" not in name}
    assert SINCE in read(PRIMARY, LIVER, one | refers).signs


NAMED_ADJUVANT = [
    given("2024-03-01") | named("FOLFOX"),
    given("2024-03-01") | beside_code("Xeloda 500 mg"),
    procedure("p", (OPS, "8-542.11"), on="2024-03-01"),
    procedure("p", (OPS, "x"), on="2024-03-01") | {"code": {"text": "Adjuvante Chemotherapie"}},
]


@pytest.mark.parametrize("one", NAMED_ADJUVANT)
def test_adjuvant_therapy_known_by_its_name_or_procedure_is_unreadable_and_not_none(one: dict[str, Any]) -> None:
    element = "performedDateTime" if one["resourceType"] == "Procedure" else "effectiveDateTime"
    before, after = (one | {element: day} for day in ("2024-01-05", "2026-02-01"))
    found = [shown(read(*OLD, each), "adjuvant-status") for each in (one, before, after)]
    assert found == ["gap: unreadable", "gap: absent", "gap: absent"]


def test_adjuvant_doses_are_read_beside_what_is_known_by_its_name() -> None:
    case = read(*OLD, given("2024-03-01", ident="e"), NAMED_ADJUVANT[0])
    assert shown(case, "adjuvant-status") == "completed"
