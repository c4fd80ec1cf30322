"""The date of a disease that several Conditions record."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Evidence, Known, Scope, Sign
from fhir_mappings.read.dates import parse_date
from tests.charts import ICD10CM, SNOMED, concept, condition, local
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"


def dated(*onsets: str) -> list[dict[str, Any]]:
    return [condition(f"c{number}", (ICD10CM, "C18.7"), onset=onset) for number, onset in enumerate(onsets)]


@pytest.mark.parametrize(
    ("onsets", "first"),
    [
        (["2024", "2025-02-01"], "2024"),
        (["2024", "2024-11", "2025-02-01"], "2024-11"),
        (["2024", "2024-11", "2024-12-05"], "2024-12-05"),
        (["2024-11", "2024-11-30", "2024-11-02"], "2024-11-02"),
        (["2024-11", "2024-12-01"], "2024-11"),
        (["2024-11-02", "2024"], "2024-11-02"),
        (["2026-06-16", "2026-06-14"], "2026-06-14"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_first_date_is_made_precise_only_by_dates_within_it(onsets: list[str], first: str, turned: bool) -> None:  # noqa: FBT001 - a case
    conditions = dated(*(reversed(onsets) if turned else onsets))
    assert str(shown(read(*conditions), "primary-diagnosis-date")) == first


def test_every_condition_of_the_first_day_is_evidence_and_no_other() -> None:
    same = dated("2024-11-02", "2024-11-02", "2024-11", "2025-01-01")
    recorded = condition("r", (ICD10CM, "C18.7"), recordedDate="2024-11-02")
    found = read(*same, recorded).facts["primary-diagnosis-date"]
    on = parse_date("2024-11-02")
    assert on is not None
    coding = f"{ICD10CM}|C18.7"
    assert found == Known(
        on.first, (Evidence("Condition/c0", dated=on, coding=coding), Evidence("Condition/c1", dated=on, coding=coding))
    )


def test_a_date_of_the_future_is_no_first_date_and_a_later_source_steps_in() -> None:
    planned = condition("f", (ICD10CM, "C18.7"), onset="2027-01-01", recordedDate="2026-06-01")
    said = condition(
        "a", (ICD10CM, "C18.7"), recordedDate="2026-01-01", extension=[{"url": ASSERTED, "valueDateTime": "2026-02-01"}]
    )
    recorded = condition("r", (ICD10CM, "C18.7"), recordedDate="2026-01-01")
    found = [read(*one) for one in ([planned], [planned, recorded], [planned, recorded, said])]
    assert [str(shown(case, "primary-diagnosis-date")) for case in found] == [
        "gap: unreadable",
        "2026-01-01",
        "2026-02-01",
    ]


STEATOSIS, CIRRHOSIS, LUNG = (ICD10CM, "K76.0"), (ICD10CM, "K74.60"), (ICD10CM, "C78.00")
ELSEWHERE = {"resectable", "unresectable"}
STATUSES: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"clinical": None}, True),
    ({"clinical": "recurrence"}, True),
    ({"clinical": "relapse"}, True),
    ({"clinical": "resolved"}, False),
    ({"clinical": "inactive"}, False),
    ({"clinical": "remission"}, False),
    ({"verification": None}, True),
    ({"verification": "provisional"}, True),
    ({"verification": "refuted"}, False),
    ({"verification": "entered-in-error"}, False),
    ({"verification": "differential"}, False),
    ({"abatementDateTime": "2026-06-02"}, False),
    ({"abatementString": "last week"}, False),
]


@pytest.mark.parametrize(("more", "counts"), STATUSES)
def test_a_condition_counts_while_it_is_asserted_and_active(*, more: dict[str, Any], counts: bool) -> None:
    found = [
        shown(read(condition("c", code, **({"onset": "2026-06-01"} | more))), fact)
        for code, fact in ((CIRRHOSIS, "liver-condition"), (LUNG, "extrahepatic-disease"))
    ]
    assert found == (["cirrhosis", ELSEWHERE] if counts else ["gap: absent", "gap: absent"])


CERTAINTY = "http://fhir.de/StructureDefinition/icd-10-gm-diagnosesicherheit"
LETTERS = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_DIAGNOSESICHERHEIT"


def in_german(code: str, letter: Any, *beside: tuple[str, str]) -> dict[str, Any]:
    codings = [
        {
            "system": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
            "code": one,
            "extension": [{"url": CERTAINTY, "valueCoding": {"system": LETTERS, "code": said}}],
        }
        for one, said in ((code, letter), *beside)
    ]
    return condition(code, (ICD10CM, code), onset="2026-06-01", verification=None) | {"code": {"coding": codings}}


@pytest.mark.parametrize(
    ("primary", "liver", "scope", "flagged"),
    [
        ("G", "G", Scope.IN, False),
        ("G", "A", Scope.OUT, False),
        ("A", "G", Scope.OUT, False),
        ("G", " a ", Scope.OUT, False),
        ("V", "G", Scope.IN, True),
        ("G", "V", Scope.IN, True),
        ("Z", "G", Scope.IN, False),
        ("G", "Z", Scope.OUT, False),
        ("G", 5, Scope.IN, False),
    ],
)
def test_the_certainty_beside_a_german_code_excludes_suspects_or_closes_a_disease(
    primary: Any, liver: Any, scope: Scope, *, flagged: bool
) -> None:
    case = read(in_german("C18.7", primary), in_german("C78.7", liver))
    assert (case.scope, Sign.UNCONFIRMED_DISEASE in case.signs) == (scope, flagged)


def test_a_letter_in_another_extension_is_no_certainty() -> None:
    liver = in_german("C78.7", "A")
    liver["code"]["coding"][0]["extension"][0]["url"] = "http://fhir.de/StructureDefinition/seitenlokalisation"
    assert read(in_german("C18.7", "G"), liver).scope is Scope.IN


def test_letters_of_certainty_that_differ_in_one_condition_say_nothing() -> None:
    case = read(in_german("C18.7", "G"), in_german("C78.7", "G", ("C77.2", "A")))
    assert (case.scope, Sign.UNCONFIRMED_DISEASE in case.signs) == (Scope.IN, False)


@pytest.mark.parametrize(
    ("written", "scope", "flagged"),
    [
        *(("C78.7A", Scope.OUT, False), ("C78.7 A", Scope.OUT, False), ("C787a", Scope.OUT, False)),
        *(("C78.7Z", Scope.OUT, False), ("C78.7 V", Scope.IN, True), ("C78.7VL", Scope.IN, True)),
        *(("C78.7G", Scope.IN, False), ("C78.7L", Scope.IN, False), ("C78.7", Scope.IN, False)),
    ],
)
def test_a_certainty_that_is_written_behind_a_german_code_counts(written: str, scope: Scope, *, flagged: bool) -> None:
    gm, oid, american = (
        read(PRIMARY, condition("l", (system, written), verification=None))
        for system in ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "urn:oid:1.2.276.0.76.5.409", ICD10CM)
    )
    found = [(case.scope, Sign.UNCONFIRMED_DISEASE in case.signs) for case in (gm, oid)]
    assert (found, american.scope) == ([(scope, flagged)] * 2, Scope.IN)


@pytest.mark.parametrize(
    ("element", "code", "scope", "flagged"),
    [
        *(
            ("verificationStatus", code, Scope.OUT, False)
            for code in ("410516002", "410594000", "723511001", "723505004")
        ),
        *(("verificationStatus", code, Scope.IN, True) for code in ("410592001", "410590009", "415684004")),
        *(("verificationStatus", code, Scope.IN, False) for code in ("410605003", "410515003")),
        *(("clinicalStatus", code, Scope.OUT, False) for code in ("413322009", "73425007", "277022003")),
        ("clinicalStatus", "55561003", Scope.IN, False),
    ],
)
def test_a_status_in_snomed_ct_counts(element: str, code: str, scope: Scope, *, flagged: bool) -> None:
    liver = condition("l", (ICD10CM, "C78.7"), onset="2026-06-01", clinical=None, verification=None)
    case = read(PRIMARY, liver | {element: concept(SNOMED, code)})
    assert (case.scope, Sign.UNCONFIRMED_DISEASE in case.signs) == (scope, flagged)


def test_a_cirrhosis_stays_beside_a_newer_steatosis() -> None:
    both = condition("a", CIRRHOSIS, onset="2026-01-01"), condition("b", STEATOSIS, onset="2026-05-01")
    same = condition("a", CIRRHOSIS, onset="2026-01-01"), condition("b", STEATOSIS, onset="2026-01-01")
    healed = condition("a", CIRRHOSIS, onset="2026-01-01", clinical="resolved"), both[1]
    found = [shown(read(*conditions), "liver-condition") for conditions in (both, same, healed)]
    assert found == ["cirrhosis", "cirrhosis", "steatosis"]


def test_the_newest_condition_of_the_liver_counts() -> None:
    older, newer = (
        condition(name, code, onset=day)
        for name, code, day in (("a", STEATOSIS, "2026-01-01"), ("b", CIRRHOSIS, "2026-05-01"))
    )
    assert [shown(read(*both), "liver-condition") for both in ((older, newer), (newer, older), (older,))] == [
        "cirrhosis",
        "cirrhosis",
        "steatosis",
    ]


def named(text: str, **more: Any) -> dict[str, Any]:
    return condition("n", CIRRHOSIS, **more) | {"code": {"text": text}}


CHOICES = frozenset({"normal", "steatosis", "post-chemotherapy", "sinusoidal-injury", "cirrhosis"})


@pytest.mark.parametrize(
    "text",
    [
        "Liver cirrhosis, Child A",
        "Cirrhosis, no ascites",
        "Leberzirrhose",
        "cirrhose du foie",
        "Cirrosis hepática",
        "Cirrosi",
        "571.5",
        "K74.6",
    ],
)
def test_a_cirrhosis_in_text_alone_is_not_taken_for_none(text: str) -> None:
    case = read(PRIMARY, LIVER, named(text))
    assert (shown(case, "liver-condition"), [issue.reason for issue in case.issues]) == (
        CHOICES,
        ["text only: not mapped"],
    )


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("no cirrhosis", {}),
        ("Hepatitis C without cirrhosis", {}),
        ("non-cirrhotic portal fibrosis", {}),
        ("Leberzirrhose ausgeschlossen", {}),
        ("family history of cirrhosis", {}),
        ("Screening for cirrhosis", {}),
        ("cirrhosis", {"verification": "refuted"}),
        ("cirrhosis", {"clinical": "resolved"}),
        ("sclerosing cholangitis", {}),
    ],
)
def test_a_name_that_denies_cirrhosis_or_one_that_does_not_count_says_nothing(text: str, more: dict[str, Any]) -> None:
    assert shown(read(PRIMARY, LIVER, named(text, **more)), "liver-condition") == "gap: absent"


def test_a_cirrhosis_in_text_alone_leaves_a_coded_one_and_an_explicit_value_as_they_are() -> None:
    text = named("cirrhosis", onset="2026-05-01")
    normal = local("liver-condition", "normal", on="2026-04-01")
    others = condition("c", CIRRHOSIS, onset="2026-01-01"), condition("s", STEATOSIS, onset="2026-06-01"), normal
    assert [shown(read(PRIMARY, LIVER, text, other), "liver-condition") for other in others] == [
        "cirrhosis",
        frozenset({"steatosis", "cirrhosis"}),
        "normal",
    ]
