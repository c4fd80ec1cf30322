"""Each fact in each coding that stands for it."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Interval
from fhir_mappings.catalogue import load_catalogue
from tests.charts import (
    ATC,
    CPT,
    ICD10,
    ICD10CM,
    LOINC,
    OPCS,
    PCS,
    RXNORM,
    SITES,
    SNOMED,
    STRATEGY,
    coded,
    concept,
    condition,
    dose,
    local,
    observation,
    order,
    procedure,
    quantity,
)
from tests.fhir_mappings.reading import LIVER, PRIMARY, TODAY, proofs, read, shown

RECENT = "2026-06-10"
LIVER_SITE = {"bodySite": concept(SNOMED, "10200004")}

EXAMPLE_VALUES: dict[str, Any] = {
    "integer": 2,
    "number": 12.5,
    "boolean": True,
    "date": TODAY,
}


@pytest.mark.parametrize("code", list(load_catalogue().facts))
def test_every_fact_is_read_from_a_local_observation(code: str) -> None:
    fact = load_catalogue()[code]
    for value in fact.choices or (EXAMPLE_VALUES[fact.kind],):
        case = read(local(code, value, on=RECENT))
        assert (shown(case, code), proofs(case, code)) == (value, [(f"Observation/local-{code}", "entered")])


ECOG = ["LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6"]
OBSERVED = [
    ("ecog", (LOINC, "89247-1"), {"valueInteger": 1}, 1),
    ("ecog", (LOINC, "89247-1"), quantity(2, "{score}"), 2),
    *(("ecog", (LOINC, "89262-0"), coded(LOINC, answer), grade) for grade, answer in enumerate(ECOG)),
    *(("ecog", (SNOMED, "423740007"), coded(LOINC, answer), grade) for grade, answer in enumerate(ECOG)),
    *(
        ("ecog", (LOINC, "89243-0"), {"valueInteger": score}, grade)
        for score, grade in [(100, 0), (90, 0), (80, 1), (70, 1), (60, 2), (50, 2), (40, 3), (30, 3), (20, 4), (10, 4)]
    ),
    ("ecog", (LOINC, "89243-0"), {"valueQuantity": {"value": 70, "comparator": ">="}}, Interval(0, 1)),
    ("ecog", (LOINC, "89243-0"), {"valueInteger": 75}, "gap: unreadable"),
    ("ecog", (LOINC, "89247-1"), {"valueInteger": 6}, "gap: unreadable"),
    ("ecog", (LOINC, "89247-1"), {"valueString": "ECOG 1-2"}, Interval(1, 2)),
    ("asa", (SNOMED, "302132005"), coded(SNOMED, "413495001"), 1),
    ("asa", (SNOMED, "302132005"), coded(SNOMED, "413499007"), 5),
    ("asa", (LOINC, "97816-3"), {"valueInteger": 3}, 3),
    ("asa", (LOINC, "97816-3"), {"valueString": "ASA III"}, 3),
    ("primary-t", (LOINC, "21899-0"), coded(SNOMED, "1229866004"), "T4b"),
    ("primary-t", (LOINC, "21905-5"), coded("http://cancerstaging.org", "cT3"), "T3"),
    ("primary-t", (SNOMED, "384625004"), {"valueString": "ypT4a"}, "T4a"),
    ("primary-t", (SNOMED, "399504009"), {"valueCodeableConcept": {"text": "cT2 N1"}}, "T2"),
    ("primary-t", (LOINC, "21899-0"), {"valueString": "pT3pN2b"}, "T3"),
    ("primary-t", (LOINC, "21899-0"), {"valueString": "pTis"}, "gap: absent"),
    ("primary-n", (LOINC, "21900-6"), {"valueString": "pT3pN2b"}, "N2b"),
    ("primary-n", (LOINC, "21900-6"), coded(SNOMED, "1229957002"), "N2"),
    ("primary-n", (LOINC, "21906-3"), coded("http://cancerstaging.org", "N1c"), "N1c"),
    ("primary-n", (SNOMED, "371494008"), coded("http://cancerstaging.org", "1a"), "N1a"),
    ("primary-n", (SNOMED, "399534004"), {"valueString": "NX"}, "gap: absent"),
    ("primary-margin", (SNOMED, "17964000"), coded(SNOMED, "278271003"), "r1"),
    ("primary-margin", (SNOMED, "17964000"), {"valueString": "R2"}, "r2"),
    ("primary-margin", (SNOMED, "17964000"), {"valueString": "RX"}, "gap: unreadable"),
    ("largest-metastasis", (LOINC, "21889-1"), quantity(2.9, "cm") | LIVER_SITE, 29),
    ("largest-metastasis", (LOINC, "21889-1"), quantity(31.5, "mm") | LIVER_SITE, 31.5),
    ("largest-metastasis", (LOINC, "21889-1"), quantity(30, "mm", comparator="<=") | LIVER_SITE, Interval(None, 30)),
    ("largest-metastasis", (LOINC, "21889-1"), {"valueQuantity": {"value": 30}} | LIVER_SITE, "gap: unreadable"),
    ("largest-metastasis", (LOINC, "21889-1"), quantity(30, "mm"), "gap: absent"),
    ("cea", (LOINC, "2039-6"), quantity(4.25, "ng/mL"), 4.25),
    ("cea", (LOINC, "83085-1"), quantity(4.25, "ug/L"), 4.25),
    ("cea", (LOINC, "2039-6"), {"valueQuantity": {"value": 5, "unit": "µg/L"}}, 5),
    ("cea", (LOINC, "2039-6"), quantity(5, "nmol/L"), "gap: unreadable"),
    ("cea", (LOINC, "19166-8"), quantity(5, "[arb'U]/mL"), "gap: absent"),
    ("cea", (LOINC, "19167-6"), quantity(5, "nmol/L"), "gap: absent"),
    ("cea", (LOINC, "19168-4"), quantity(5, "ng/mL"), "gap: absent"),
    ("nodes-positive", (LOINC, "21893-3"), {"valueInteger": 4}, 4),
    *(("ras", (LOINC, code), coded(LOINC, "LA9633-4"), "mutated") for code in ("21702-6", "82535-6", "85509-8")),
    ("ras", (LOINC, "81420-2"), coded(LOINC, "LA9634-2"), "wild-type"),
    ("ras", (LOINC, "21702-6"), {"valueString": "Wild type"}, "wild-type"),
    ("ras", (LOINC, "21702-6"), {"valueString": "see report"}, "gap: unreadable"),
    ("braf", (LOINC, "85299-6"), coded(SNOMED, "260373001"), "mutated"),
    ("msi", (LOINC, "81695-9"), coded(LOINC, "LA26203-2"), "msi-high"),
    ("msi", (LOINC, "81695-9"), coded(LOINC, "LA14122-8"), "stable"),
    ("msi", (LOINC, "81695-9"), {"valueString": "MSI-L"}, "stable"),
    ("msi", (LOINC, "62862-8"), coded(LOINC, "LA9633-4"), "msi-high"),
    ("msi", (LOINC, "62862-8"), coded(LOINC, "LA9634-2"), "stable"),
]


@pytest.mark.parametrize(("fact", "code", "value", "expected"), OBSERVED)
def test_an_observation_in_a_standard_code_gives_its_fact(
    fact: str, code: tuple[str, str], value: Any, expected: Any
) -> None:
    case = read(observation("o", code, value, on=RECENT))
    assert shown(case, fact) == expected


def test_a_karnofsky_score_is_derived_evidence() -> None:
    case = read(observation("k", (LOINC, "89243-0"), {"valueInteger": 80}, on=RECENT))
    assert proofs(case, "ecog") == [("Observation/k", "derived")]


LOCAL_NUMBERS = [
    ("flr-percent", quantity(38, "%"), 38),
    ("flr-percent", {"valueQuantity": {"value": 0.38}}, "gap: unreadable"),
    ("flr-percent", quantity(0.38, "1"), "gap: unreadable"),
    ("flr-percent", quantity(138, "%"), "gap: unreadable"),
    ("flr-percent", quantity(30, "%", comparator=">"), Interval(30, None, low_included=False)),
    ("flr-percent", {"valueInteger": 38}, "gap: unreadable"),
    ("metastasis-count", {"valueString": "multiple"}, Interval(2)),
    ("metastasis-count", {"valueQuantity": {"value": 3, "comparator": ">"}}, Interval(4)),
    ("metastasis-count", {"valueQuantity": {"value": 3, "unit": "{count}"}}, 3),
    ("metastasis-count", {"valueQuantity": {"value": 2.5}}, "gap: unreadable"),
    ("metastasis-count", {"valueInteger": 0}, "gap: unreadable"),
    ("metastasis-count", {"valueRange": {"low": {"value": 3}, "high": {"value": 5}}}, Interval(3, 5)),
    ("metastasis-count", {"valueRange": {"low": {"value": 3}, "high": {"value": 3}}}, 3),
    ("largest-metastasis", quantity(1.8, "cm"), 18),
    ("largest-metastasis", {"valueInteger": 18}, "gap: unreadable"),
    ("largest-metastasis", {"valueString": "1,8 cm"}, 18),
    ("largest-metastasis", {"valueString": "1,800 mm"}, "gap: unreadable"),
    ("months-primary-to-metastases", {"valueQuantity": {"value": 8, "code": "mo"}}, 8),
    ("months-primary-to-metastases", {"valueQuantity": {"value": 1, "code": "a"}}, "gap: unreadable"),
    ("metastasis-count", {"valueRange": {"low": {"value": "x"}}}, "gap: unreadable"),
    ("metastasis-count", {"valueQuantity": {"value": True}}, "gap: unreadable"),
    ("metastasis-count", {"valueQuantity": {"unit": "{count}"}}, "gap: unreadable"),
    ("metastasis-count", {"valueString": "5-3"}, "gap: unreadable"),
    ("metastasis-count", {"valueString": "3 to 5"}, Interval(3, 5)),
    ("metastasis-count", {"valueString": ">= 4"}, Interval(4)),
    ("metastasis-count", {"valueString": "a few"}, "gap: unreadable"),
    ("metastasis-count", {"valueBoolean": True}, "gap: unreadable"),
    ("metastasis-count", {"valueCodeableConcept": {"text": "4"}}, 4),
    ("metastasis-count", coded(SNOMED, "255204007"), "gap: unreadable"),
    ("asa", {"valueQuantity": {"value": 6, "comparator": ">"}}, "gap: unreadable"),
    ("asa", {"valueQuantity": {"value": 3, "comparator": "<="}}, Interval(None, 3)),
    ("asa", {"valueQuantity": {"value": 1, "comparator": "<="}}, 1),
    ("flr-percent", quantity(100, "%", comparator=">="), 100),
    ("flr-percent", quantity(100, "%", comparator=">"), "gap: unreadable"),
    ("chemotherapy-last-date", {"valueString": "last spring"}, "gap: unreadable"),
    ("liver-centre-discussed", {"valueBoolean": True}, "agreed"),
    ("liver-centre-discussed", {"valueBoolean": False}, "refused"),
    ("liver-state", {"valueBoolean": False}, "gap: unreadable"),
    ("liver-state", {"valueString": "Treated"}, "treated"),
    ("liver-state", {"valueString": "no idea"}, "gap: unreadable"),
    ("r0-achievable", coded(SNOMED, "373066001"), True),
    ("r0-achievable", coded(LOINC, "LA32-8"), False),
    ("r0-achievable", {"valueCodeableConcept": {"text": "probably"}}, "gap: unreadable"),
    ("r0-achievable", {"dataAbsentReason": {"text": "unknown"}}, "gap: absent"),
    ("primary-diagnosis-date", {"valueDateTime": "2025"}, "2025"),
    ("primary-diagnosis-date", {"valueDateTime": "2025-03"}, "2025-03"),
]


@pytest.mark.parametrize(("fact", "value", "expected"), LOCAL_NUMBERS)
def test_a_local_value_is_exact_narrowed_or_unreadable(fact: str, value: Any, expected: Any) -> None:
    given = observation("o", ("https://crlm-cds.example/fhir/CodeSystem/case-facts", fact), value, on=RECENT)
    assert shown(read(given), fact) == expected


def test_two_answers_of_a_scale_narrow_it() -> None:
    both = {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": code} for code in ("LA9622-7", "LA9624-3")]}}
    assert shown(read(observation("o", (LOINC, "89247-1"), both, on=RECENT)), "ecog") == Interval(0, 2)


def test_two_local_choices_narrow_a_fact() -> None:
    given = local("extrahepatic-disease", "resectable", on=RECENT)
    given["valueCodeableConcept"]["coding"] += local("extrahepatic-disease", "unresectable")["valueCodeableConcept"][
        "coding"
    ]
    assert shown(read(given), "extrahepatic-disease") == {"resectable", "unresectable"}


@pytest.mark.parametrize("site", list(SITES))
@pytest.mark.parametrize("system", [ICD10, ICD10CM, "urn:oid:2.16.840.1.113883.6.90", "2.16.840.1.113883.6.3"])
def test_icd_10_names_the_site_with_and_without_its_dot(site: str, system: str) -> None:
    for code in (SITES[site], SITES[site].replace(".", ""), SITES[site].lower()):
        assert shown(read(condition("c", (system, code))), "primary-site") == site


SITE_CASES = [
    ((SNOMED, "93761005"), (), "colon-unspecified"),
    ((SNOMED, "109838007"), (), "colon-unspecified"),
    ((SNOMED, "408645001"), ("60184004",), "sigmoid-colon"),
    ((SNOMED, "363351006"), (), "rectum-unspecified"),
    ((SNOMED, "93984006"), ("34402009",), "rectum-unspecified"),
    ((SNOMED, "363414004"), (), "rectosigmoid"),
    ((SNOMED, "93683002"), (), "ascending-colon"),
    ((SNOMED, "93826009"), (), "hepatic-flexure"),
    ((SNOMED, "94105000"), (), "transverse-colon"),
    ((SNOMED, "94072004"), (), "splenic-flexure"),
    ((SNOMED, "93771007"), (), "descending-colon"),
    ((SNOMED, "94006002"), (), "sigmoid-colon"),
    ((SNOMED, "93980002"), (), "rectosigmoid"),
    ((SNOMED, "363406005"), ("32713005",), "caecum"),
    ((SNOMED, "363406005"), ("34402009",), "colon-unspecified"),
    ((ICD10CM, "C18.2"), ("60184004",), "ascending-colon"),
    ((ICD10CM, "C18.9"), ("49832006",), "colon-unspecified"),
    *((code, (), "colon-unspecified") for code in ((ICD10CM, "Z85.038"), (SNOMED, "429699009"))),
    *(((ICD10CM, code), (), "gap: absent") for code in ("Z85.048", "C18.1", "C21.0")),
    ((ICD10CM, "C7A.022"), (), "gap: absent"),
    ((ICD10CM, "D12.5"), (), "gap: absent"),
    ((ICD10CM, "Z80.0"), (), "gap: absent"),
    ((SNOMED, "94260004"), (), "gap: absent"),
]


@pytest.mark.parametrize(("code", "body", "expected"), SITE_CASES)
def test_the_primary_site_comes_from_code_and_body_site(
    code: tuple[str, str], body: tuple[str, ...], expected: str
) -> None:
    sites: dict[str, Any] = {"bodySite": [concept(SNOMED, one) for one in body]} if body else {}
    assert shown(read(condition("c", code, **sites)), "primary-site") == expected


SEGMENTAL = {"right-hemicolectomy", "left-hemicolectomy", "transverse-colectomy", "sigmoid-or-high-anterior-resection"}
ANTERIOR = {"sigmoid-or-high-anterior-resection", "low-anterior-resection"}
OPERATED: list[tuple[str, str, Any]] = [
    *((SNOMED, code, "right-hemicolectomy") for code in ("235326000", "174071004")),
    (SNOMED, "26925005", "transverse-colectomy"),
    (SNOMED, "82619000", "left-hemicolectomy"),
    (SNOMED, "4558008", ANTERIOR),
    (SNOMED, "265414003", "abdominoperineal-resection"),
    (SNOMED, "174059005", "proctocolectomy"),
    (SNOMED, "307666008", "total-colectomy"),
    (SNOMED, "16564004", "hartmann"),
    (SNOMED, "43075005", SEGMENTAL),
    *((CPT, code, SEGMENTAL) for code in ("44140", "44141", "44144", "44204")),
    *((CPT, code, "right-hemicolectomy") for code in ("44160", "44205")),
    *((CPT, code, "hartmann") for code in ("44143", "44206")),
    *(
        (CPT, code, "low-anterior-resection")
        for code in ("44145", "44146", "44147", "44207", "44208", "45112", "45114")
    ),
    *((CPT, code, "low-anterior-resection") for code in ("45119", "45397")),
    *((CPT, code, "total-colectomy") for code in ("44150", "44151", "44210")),
    *((CPT, code, "proctocolectomy") for code in ("44155", "44157", "44158", "44211", "44212")),
    *((CPT, code, "abdominoperineal-resection") for code in ("45110", "45395")),
    (CPT, "45111", ANTERIOR),
    (CPT, "45126", {"low-anterior-resection", "abdominoperineal-resection", "hartmann"}),
    (PCS, "0DTF0ZZ", "right-hemicolectomy"),
    (PCS, "0dtf4zz", "right-hemicolectomy"),
    (PCS, "0DBK0ZZ", "right-hemicolectomy"),
    (PCS, "0DTG4ZZ", "left-hemicolectomy"),
    (PCS, "0DTM4ZZ", "left-hemicolectomy"),
    (PCS, "0DTL0ZZ", "transverse-colectomy"),
    *((PCS, code, "sigmoid-or-high-anterior-resection") for code in ("0DTN4ZZ", "0DTNFZZ")),
    (PCS, "0DTE0ZZ", "total-colectomy"),
    (PCS, "0DBE0ZZ", SEGMENTAL),
    (PCS, "0DBP0ZZ", ANTERIOR),
    *((*code, {"low-anterior-resection", "abdominoperineal-resection"}) for code in ((PCS, "0DTP0ZZ"), (CPT, "45116"))),
    (PCS, "0DTJ0ZZ", "gap: absent"),
    (PCS, "0DBN8ZZ", "gap: absent"),
    (PCS, "0DBN7ZZ", "gap: absent"),
    (PCS, "0DBN0ZX", "gap: absent"),
    (OPCS, "H04.1", "proctocolectomy"),
    (OPCS, "H05", "total-colectomy"),
    (OPCS, "H06.2", "right-hemicolectomy"),
    (OPCS, "H071", "right-hemicolectomy"),
    (OPCS, "H08.1", "transverse-colectomy"),
    (OPCS, "H09.3", "left-hemicolectomy"),
    (OPCS, "H10.1", "sigmoid-or-high-anterior-resection"),
    (OPCS, "H11.1", SEGMENTAL),
    (OPCS, "H29.1", "total-colectomy"),
    (OPCS, "H33.1", "abdominoperineal-resection"),
    (OPCS, "H33.2", "low-anterior-resection"),
    (OPCS, "H33.4", ANTERIOR),
    (OPCS, "H33.5", "hartmann"),
    (SNOMED, "274031008", "gap: absent"),
    (SNOMED, "76164006", "gap: absent"),
]


@pytest.mark.parametrize(("system", "code", "expected"), OPERATED)
def test_an_operation_is_read_as_done_and_as_planned(system: str, code: str, expected: Any) -> None:
    done = read(PRIMARY, procedure("p", (system, code), on="2026-05-20"))
    planned = read(PRIMARY, order("p", (system, code), on=RECENT))
    assert (shown(done, "primary-operation-done"), shown(planned, "colorectal-operation")) == (expected, expected)


@pytest.mark.parametrize("code", [(SNOMED, "4558008"), (OPCS, "H33.3"), (OPCS, "H33.4")])
@pytest.mark.parametrize(("site", "expected"), [("rectum-mid", "low-anterior-resection"), ("rectum-high", ANTERIOR)])
def test_an_anterior_resection_is_low_for_a_mid_or_low_rectum(code: tuple[str, str], site: str, expected: Any) -> None:
    case = read(order("p", code, on=RECENT), local("primary-site", site, on=RECENT))
    assert shown(case, "colorectal-operation") == expected


HEPATECTOMIES = [
    *((CPT, code, expected) for code, expected in [("47120", "minor"), ("47122", "major"), ("47125", "major")]),
    (CPT, "47130", "major"),
    *((OPCS, f"J02.{digit}", "major") for digit in (1, 2, 6, 7)),
    *((OPCS, code, "minor") for code in ("J02.3", "J02.4", "J03.1", "J03")),
    (PCS, "0FT10ZZ", "major"),
    (PCS, "0FT24ZZ", "major"),
    (PCS, "0FB00ZZ", "minor"),
    (PCS, "0FB23ZZ", "minor"),
    (PCS, "0FB03ZX", "gap: absent"),
    (SNOMED, "107963000", "gap: absent"),
]


@pytest.mark.parametrize(("system", "code", "expected"), HEPATECTOMIES)
def test_the_planned_liver_operation_gives_its_extent(system: str, code: str, expected: str) -> None:
    assert shown(read(order("h", (system, code), on=RECENT)), "hepatectomy-extent") == expected


@pytest.mark.parametrize(
    ("system", "code"),
    [
        *((CPT, code) for code in ("47120", "47130", "47370", "47380", "47382", "47383")),
        *((OPCS, code) for code in ("J02.9", "J03.4", "J12.4", "J12.7")),
        *((PCS, code) for code in ("0FB04ZZ", "0FT00ZZ", "0F500ZZ", "0F513ZF")),
        (SNOMED, "107963000"),
    ],
)
def test_a_liver_operation_after_the_metastases_makes_them_treated(system: str, code: str) -> None:
    case = read(PRIMARY, LIVER, procedure("p", (system, code), on="2026-05-20"))
    assert (shown(case, "liver-state"), proofs(case, "liver-state")) == ("treated", [("Procedure/p", "derived")])


DRUGS = [
    *((RXNORM, code) for code in ("4492", "194000", "32592", "51499", "253337", "318341", "263034")),
    *((RXNORM, code) for code in ("1736776", "1791701", "200327", "213293", "575971", "1726325", "1657066")),
    *((SNOMED, code) for code in ("387172005", "386906001", "395814003", "372538008", "409406007")),
    *((ATC, code) for code in ("L01BC02", "L01BC06", "L01XA03", "L01CE02", "L01FG01", "L01FE01", "L01FE02")),
    *((ATC, code) for code in ("L01XX19", "L01XC07", "L01XC06", "L01XC08")),
]


@pytest.mark.parametrize("code", DRUGS)
def test_each_drug_counts_as_a_cycle(code: tuple[str, str]) -> None:
    case = read(PRIMARY, LIVER, dose("d", code, on="2026-05-20"))
    assert (shown(case, "chemotherapy-cycles"), proofs(case, "chemotherapy-cycles")) == (
        1,
        [("MedicationAdministration/d", "derived")],
    )


ELSEWHERE = {"resectable", "unresectable"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, ELSEWHERE) for code in ("C78.00", "C78.02", "C78.6", "C79.31", "C79.51", "C77.0", "C77.1", "C77.3")),
        *((code, ELSEWHERE) for code in ("C77.4", "C78.1", "C78.2", "C78.30", "C78.4", "C78.89")),
        *((code, "gap: absent") for code in ("C77.2", "C77.5", "C77.8", "C77.9", "C78.5", "C78.7", "C78.80", "C7B.02")),
    ],
)
def test_a_metastasis_elsewhere_narrows_extrahepatic_disease(code: str, expected: Any) -> None:
    assert shown(read(condition("c", (ICD10CM, code), onset=RECENT)), "extrahepatic-disease") == expected


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (ICD10CM, "K76.0", "steatosis"),
        *((ICD10CM, code, "cirrhosis") for code in ("K70.3", "K70.31", "K71.7", "K74.4", "K74.5", "K74.60", "K74.70!")),
        *((SNOMED, code, "cirrhosis") for code in ("19943007", "420054005", "716203000", "266468003", "89580002")),
        *((SNOMED, code, "cirrhosis") for code in ("1761006", "12368000", "43904005", "419728003")),
    ],
)
def test_the_liver_condition_comes_from_conditions(system: str, code: str, expected: str) -> None:
    assert shown(read(condition("c", (system, code), onset="2020")), "liver-condition") == expected


@pytest.mark.parametrize("status", ["active", "completed"])
def test_a_care_plan_coded_with_a_strategy_is_the_decision_of_the_mdt(status: str) -> None:
    plan = {
        "resourceType": "CarePlan",
        "id": "plan",
        "status": status,
        "intent": "plan",
        "subject": {"reference": "Patient/1"},
        "created": RECENT,
        "category": [concept(STRATEGY, "liver-first")],
    }
    case = read(plan)
    assert (shown(case, "mdt-decision"), proofs(case, "mdt-decision")) == ("liver-first", [("CarePlan/plan", "coded")])
