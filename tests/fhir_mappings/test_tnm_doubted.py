"""Words that deny, doubt or bound a category of TNM, or leave it between two; and what only looks like a category."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from fhir_mappings.catalogue import load_catalogue
from tests.charts import LOINC, SNOMED, observation
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

PT, PN, PM = (LOINC, "21899-0"), (LOINC, "21900-6"), (LOINC, "21901-4")
T_OF_ANY_KIND = (SNOMED, "78873005")
ABSENT, UNREADABLE = "gap: absent", "gap: unreadable"
SEVERAL = {"resectable", "unresectable"}
ANY_N = set(load_catalogue()["primary-n"].choices)


def said(code: tuple[str, str], text: str) -> dict[str, Any]:
    return observation("o", code, {"valueString": text}, on="2026-06-10")


def nodes(text: str) -> Any:
    return shown(read(PRIMARY, LIVER, said(PN, text)), "primary-n")


@pytest.mark.parametrize(
    "denial",
    [
        *("no", "not", "non", "nicht", "kein", "keine", "ohne", "without", "pas", "sans", "geen", "niet", "zonder"),
        *("sin", "senza", "sem", "não"),
        *("no evidence of", "no sign of", "without signs of", "pas de"),
        *("kein Hinweis auf", "kein Hinweis für", "kein Anhalt für", "kein Anhalt auf"),
    ],
)
def test_a_category_that_words_deny_is_not_told(denial: str) -> None:
    assert (nodes(f"{denial} pN2"), nodes(f"{denial} pN2, pN1")) == (UNREADABLE, "N1")


@pytest.mark.parametrize("text", ["pN2: no", "pN2 nein", "pN2 non"])
def test_a_category_that_is_answered_by_no_is_not_told(text: str) -> None:
    assert nodes(text) == UNREADABLE


@pytest.mark.parametrize("text", ["pN2 of 14 nodes", "pN2, 5 of 14 nodes", "pN2 (5 of 14)"])
def test_a_count_of_nodes_leaves_no_category_between_two(text: str) -> None:
    assert (nodes(text), nodes("pN1 of 2")) == ("N2", ANY_N)


@pytest.mark.parametrize("denial", ["excluded", "ruled out", "ausgeschlossen", "exclu", "excluido", "uitgesloten"])
def test_a_category_that_is_excluded_is_not_told(denial: str) -> None:
    assert (nodes(f"pN2 {denial}"), nodes(f"pN2 {denial}, pN1")) == (UNREADABLE, "N1")


@pytest.mark.parametrize(
    "doubt",
    [
        *("suspect", "suspected", "susp.", "V.a.", "v. a.", "Verdacht auf", "fraglich", "fragliches", "wahrscheinlich"),
        *("möglich", "mögliches", "vermutlich", "probable", "probably", "possible", "possibly"),
        *("improbable", "unlikely", "likely", "DD", "DDx", "questionable", "doubtful", "equivocal", "presumed", "r/o"),
        *("unwahrscheinlich", "eventuell", "evtl.", "Vd.", "Verd. a.", "am ehesten", "z.A.", "unklar", "zweifelhaft"),
        *("peu probable", "douteux", "éventuel", "sospechado", "poco probable", "dudoso", "sospetto", "improbabile"),
        *("possível", "improvável", "suspeito", "waarschijnlijk", "onwaarschijnlijk", "mogelijk", "twijfelachtig"),
    ],
)
def test_a_category_that_words_doubt_before_or_after_it_may_be_any(doubt: str) -> None:
    texts = (f"{doubt} pN2", f"pN2 {doubt}", f"pN2, {doubt}", f"pN2 ({doubt})", f"{doubt}: pN2", f"pN2 - {doubt}")
    assert [nodes(text) for text in texts] == [ANY_N] * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        *("suspicion of pN2", "suspicious for pN2", "sospecha de pN2", "concern for pN2", "verdenking pN2"),
        *("to exclude pN2", "cannot exclude pN2", "zum Ausschluss pN2", "rule out pN2"),
        *("pN2 not excluded", "pN2 cannot be excluded", "pN2 can not be excluded", "pN2 nicht ausgeschlossen"),
        *("pN2 kann nicht ausgeschlossen werden", "pN1/pN2", "pN1 / N2", "DD pN1 / pN2", "unlikely pN1/pN2"),
    ],
)
def test_a_category_that_is_not_excluded_or_one_of_two_may_be_any(text: str) -> None:
    assert nodes(text) == ANY_N


def test_another_letter_behind_a_slash_leaves_no_category_open() -> None:
    case = read(PRIMARY, LIVER, said(PT, "pT3/pN2/R1"))
    assert [shown(case, fact) for fact in ("primary-t", "primary-n", "primary-margin")] == ["T3", "N2", "r1"]


@pytest.mark.parametrize(
    "text",
    [
        *(f"{bound} pN1" for bound in ("at least", "mindestens", "mind.", "min.", "au moins", "minstens")),
        *(f"{bound} pN1" for bound in ("at most", "höchstens", "max.", "maximal", "up to")),
        *(f"{bound}pN1" for bound in ("?", "<", ">", "<=", ">=", "≤", "≥")),
        *(f"pN1 {between} 2" for between in ("or", "oder", "ou", "of", "to", "bis", "vs", "vs.")),
        *("pN1 or N2", "pN1 or pN2", "pN1-2", "pN1\u20132", "pN1/2", "pN1?", "pN1 ?", "pN1 (?)"),
    ],
)
def test_a_category_that_is_bounded_or_one_of_two_may_be_any(text: str) -> None:
    assert nodes(text) == ANY_N


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Adeno pN2", "N2"),
        ("pN2 exclusively in the mesorectum", "N2"),
        ("pN0, suspected T3", "N0"),
        ("in X sections", UNREADABLE),
        ("PNX", ABSENT),
    ],
)
def test_a_word_that_holds_such_a_word_says_none_of_it(text: str, expected: str) -> None:
    assert nodes(text) == expected


@pytest.mark.parametrize(("text", "hinted"), [("pT3", True), ("T3, p16 positive", False), ("T3, group 2", False)])
def test_a_letter_p_that_is_of_no_category_makes_none_pathological(text: str, *, hinted: bool) -> None:
    case = read(PRIMARY, LIVER, said(T_OF_ANY_KIND, text))
    assert (shown(case, "primary-t"), Sign.RESECTION_HINTED in case.signs) == ("T3", hinted)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pT3, HER2 negative", ABSENT),
        ("pT3, R 12 cm", ABSENT),
        ("pT3 R1", "r1"),
        ("pT3 RX", UNREADABLE),
    ],
)
def test_a_receptor_or_a_height_is_no_margin(text: str, expected: str) -> None:
    assert shown(read(PRIMARY, LIVER, said(PT, text)), "primary-margin") == expected


@pytest.mark.parametrize(
    ("text", "expected", "stops"),
    [
        ("pM1b, M1 at diagnosis", SEVERAL, True),
        ("cM0, pM1b", ABSENT, True),
        ("M1a, pM1b", ABSENT, True),
        ("M1b/M1c", SEVERAL, True),
        ("M1b/M1a", ABSENT, True),
        ("M1b unlikely", ABSENT, True),
        ("M1b lung", SEVERAL, True),
        ("M1c with peritoneal deposits", SEVERAL, True),
        ("M1 by imaging", ABSENT, False),
        ("M1 confirmed", ABSENT, False),
        ("no contrast: HIV C", ABSENT, False),
        ("IV contrast", ABSENT, False),
        ("M1 a, IV bolus", ABSENT, False),
        ("stage IV B", SEVERAL, True),
    ],
)
def test_several_organs_are_told_by_m_or_a_stage_that_stands_by_itself(
    text: str, expected: Any, *, stops: bool
) -> None:
    case = read(PRIMARY, LIVER, said(PM, text))
    assert (shown(case, "extrahepatic-disease"), Sign.METASTASIS_ELSEWHERE in case.signs) == (expected, stops)
