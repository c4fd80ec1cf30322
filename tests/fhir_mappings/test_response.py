"""The response to chemotherapy, and the cycles that it is evidence of."""

from __future__ import annotations

import pytest

from fhir_mappings.case import Evidence, Gap, Interval, Known, Narrowed, Unknown
from fhir_mappings.read.dates import parse_date
from tests.charts import (
    LOINC,
    SNOMED,
    coded,
    concept,
    local,
    observation,
)
from tests.fhir_mappings.reading import proofs, read, shown
from tests.fhir_mappings.therapies import (
    LIVER,
    PRIMARY,
    Given,
    given,
)


def answer(code: str = "268910001", on: str | None = "2026-05-01") -> Given:
    return observation("s", (LOINC, "97509-4"), coded(SNOMED, code), on=on)


def cycles(number: int) -> Given:
    return local("chemotherapy-cycles", number, on="2026-05-20")


def first_mcode(code: str) -> Given:
    return answer(code) | {"code": concept(LOINC, "88040-1")}


RESPONSES: list[tuple[str, list[Given], str, int]] = [
    ("after", [given("2026-02-01"), answer()], "partial-response", 0),
    ("on the day", [given("2026-05-01"), answer()], "gap: absent", 1),
    ("day after", [given("2026-04-30"), answer()], "partial-response", 0),
    ("after the first of two", [given("2026-02-01"), given("2026-05-10", ident="e"), answer()], "partial-response", 0),
    ("undated", [given("2026-02-01"), answer(on=None)], "gap: absent", 1),
    ("undated, one cycle said", [cycles(1), answer(on=None)], "gap: outdated", 0),
    ("one cycle said", [cycles(1), answer()], "partial-response", 0),
    ("no cycle said", [cycles(0), answer()], "gap: absent", 1),
    ("nothing said", [answer()], "gap: absent", 1),
    ("undetermined", [given("2026-02-01"), answer("709137006")], "gap: absent", 0),
    ("another code", [given("2026-02-01"), answer("73211009")], "gap: unreadable", 1),
    ("asked as by mCODE at first", [given("2026-02-01"), first_mcode("271299001")], "progressive-disease", 0),
    ("asked so, nothing said", [first_mcode("271299001")], "gap: absent", 1),
]


@pytest.mark.parametrize(
    ("resources", "expected", "issues"), [one[1:] for one in RESPONSES], ids=[one[0] for one in RESPONSES]
)
def test_a_response_follows_the_first_cycle(resources: list[Given], expected: str, issues: int) -> None:
    case = read(PRIMARY, LIVER, *resources)
    assert (shown(case, "chemotherapy-response"), len(case.issues)) == (expected, issues)


def test_a_response_after_a_count_of_none_is_evidence_of_a_cycle() -> None:
    said = [local("chemotherapy-response", "stable-disease", on=on) for on in ("2026-05-20", "2026-05-21")]
    found = [read(PRIMARY, LIVER, cycles(0), one).facts["chemotherapy-cycles"] for one in said]
    assert [type(fact) for fact in found] == [Known, Narrowed]


def test_undetermined_responses_are_evidence_by_their_dates() -> None:
    said = [answer("709137006", on=on) | {"id": ident} for ident, on in (("a", "2026-05-02"), ("b", "2026-05-01"))]
    found = read(PRIMARY, LIVER, given("2026-02-01"), *said).facts["chemotherapy-response"]
    assert [proof.reference for proof in found.evidence] == ["Observation/b", "Observation/a"]


def test_an_undetermined_response_is_evidence_of_none() -> None:
    found = read(PRIMARY, LIVER, given("2026-02-01"), answer("709137006")).facts["chemotherapy-response"]
    proof = Evidence("Observation/s", "coded", parse_date("2026-05-01"), f"{LOINC}|97509-4")
    assert found == Unknown(Gap.ABSENT, (proof,))


def test_a_response_is_evidence_of_a_cycle() -> None:
    case = read(PRIMARY, LIVER, local("chemotherapy-response", "stable-disease", on="2026-05-01"))
    assert (shown(case, "chemotherapy-cycles"), proofs(case, "chemotherapy-cycles")) == (
        Interval(1),
        [("Observation/local-chemotherapy-response", "derived")],
    )


MODULE = "https://www.medizininformatik-initiative.de/fhir/ext/modul-onko/CodeSystem/mii-cs-onko-"
COURSES = [f"{MODULE}verlauf-gesamtbeurteilung", f"{MODULE}gesamtbeurteilung-tumorstatus"]
OVERALL = {"V": "complete-response", "T": "partial-response", "K": "stable-disease", "P": "progressive-disease"}
OVERALL |= dict.fromkeys("DBRY", "gap: unreadable") | dict.fromkeys("UX", "gap: absent")
IN_SNOMED = {"550991000124107": "complete-response", "551001000124108": "partial-response"}
IN_SNOMED |= {"260388006": "stable-disease", "419835002": "progressive-disease"}


@pytest.mark.parametrize("question", [(SNOMED, "396432002"), (LOINC, "88040-1"), (LOINC, "97509-4")])
def test_the_course_of_a_tumour_is_read_as_the_german_oncology_module_says_it(question: tuple[str, str]) -> None:
    residual = {"code": concept(SNOMED, "445200009")} | coded(f"{MODULE}verlauf-primaertumor", "K")
    for system in COURSES:
        found = {
            code: shown(
                read(
                    PRIMARY,
                    LIVER,
                    given("2026-02-01"),
                    observation("s", question, coded(system, code), on="2026-05-01", component=[residual]),
                ),
                "chemotherapy-response",
            )
            for code in OVERALL
        }
        assert found == OVERALL


def test_a_response_is_read_in_the_findings_of_snomed() -> None:
    found = {
        code: shown(read(PRIMARY, LIVER, given("2026-02-01"), answer(code)), "chemotherapy-response")
        for code in IN_SNOMED
    }
    assert found == IN_SNOMED


LOINC_ANSWERS = {"LA28366-5": "complete-response", "LA28369-9": "partial-response"}
LOINC_ANSWERS |= {"LA28371-5": "stable-disease", "LA28370-7": "progressive-disease"}


def test_a_response_is_read_in_the_answers_of_loinc() -> None:
    told = {code: answer() | coded(LOINC, code) for code in LOINC_ANSWERS}
    found = {
        code: shown(read(PRIMARY, LIVER, given("2026-02-01"), one), "chemotherapy-response")
        for code, one in told.items()
    }
    assert found == LOINC_ANSWERS


WORDS = [("Partial response", "partial-response"), (" PR ", "partial-response"), ("Teilremission", "partial-response")]
WORDS += [
    ("R\u00e9ponse partielle", "partial-response"),
    ("SD", "stable-disease"),
    ("Stable disease", "stable-disease"),
]
WORDS += [
    ("stabile Erkrankung", "stable-disease"),
    ("Enfermedad estable", "stable-disease"),
    ("CR", "complete-response"),
]
WORDS += [
    ("Complete remission", "complete-response"),
    ("PD", "progressive-disease"),
    ("Progress", "progressive-disease"),
]
WORDS += [("Progressieve ziekte", "progressive-disease"), ("partial-response", "partial-response")]
WORDS += [
    (words, "partial-response")
    for words in (
        "PR (RECIST 1.1)",
        "RECIST: PR",
        "RECIST 1.1 \u2013 PR",
        "partial response (PR) as per RECIST v1.1",
        "mRECIST PR",
        "Partial Response [PR]",
    )
]
WORDS += [("SD nach RECIST", "stable-disease"), ("PD, iRECIST", "progressive-disease")]
UNCLEAR = ["RECIST 1.1", "not RECIST PR", "near-complete response", "PR unconfirmed", "PR (PD), RECIST"]
UNCLEAR += ["no PD", "PR/SD", "SD?", "not progressive disease", "stable on chemotherapy", "mixed response", "P", ""]


@pytest.mark.parametrize(("words", "expected"), [*WORDS, *((words, "gap: unreadable") for words in UNCLEAR)])
def test_a_response_is_read_as_it_is_named(words: str, expected: str) -> None:
    code = {"coding": [{"system": "urn:local", "code": "1", "display": words}]}
    values: list[Given] = [
        {"valueString": words},
        {"valueCodeableConcept": {"text": words}},
        {"valueCodeableConcept": code},
    ]
    told = [observation("s", (LOINC, "97509-4"), value, on="2026-05-01") for value in values]
    found = [shown(read(PRIMARY, LIVER, given("2026-02-01"), one), "chemotherapy-response") for one in told if words]
    assert set(found) <= {expected}


def test_a_code_of_the_response_counts_before_its_words_and_two_words_are_none() -> None:
    both = coded(SNOMED, "359746009")["valueCodeableConcept"] | {"text": "PD"}
    two = {"coding": [{"display": "PD"}], "text": "PR"}
    told = [observation("s", (LOINC, "97509-4"), {"valueCodeableConcept": one}, on="2026-05-01") for one in (both, two)]
    found = [shown(read(PRIMARY, LIVER, given("2026-02-01"), one), "chemotherapy-response") for one in told]
    assert found == ["stable-disease", "gap: unreadable"]
