"""How values, labels, dates and lists read in a sentence."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fhir_mappings.case import Interval, Narrowed, PartialDate
from fhir_mappings.catalogue import load_catalogue
from service.knowledge.left_open import answer_text, contradiction, interval_label, narrowed_clause, narrowed_text
from service.knowledge.phrases import assumed, clause, day, decides, label_text, listed, site_adjective, value_text

FACTS = load_catalogue()


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2026, 11, 2), date(2026, 11, 2), "2 Nov 2026"),
        (date(2026, 11, 1), date(2026, 11, 30), "Nov 2026"),
        (date(2026, 1, 1), date(2026, 12, 31), "2026"),
        (date(2025, 12, 30), date(2026, 1, 2), "30 Dec 2025 to 2 Jan 2026"),
    ],
)
def test_dates_read_in_their_own_precision(first: date, last: date, expected: str) -> None:
    assert day(PartialDate(first, last)) == expected


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("ecog", 2, "ECOG 2"),
        ("flr-percent", 38.0, "remnant 38 %"),
        ("flr-percent", 29.6, "remnant 29.6 %"),
        ("metastasis-count", 1, "1 metastasis"),
        ("metastasis-count", 4, "4 metastases"),
        ("months-primary-to-metastases", 1, "disease-free interval 1 month"),
        ("months-primary-to-metastases", 8, "disease-free interval 8 months"),
        ("primary-resection-date", date(2026, 5, 4), "primary resected on 4 May 2026"),
        ("chemotherapy-cycles", 0, "no chemotherapy for the metastases yet"),
        ("chemotherapy-cycles", 6, "6 cycles of chemotherapy"),
        ("colorectal-operation", "right-hemicolectomy", "right hemicolectomy planned"),
        ("chemotherapy-last-date", date(2026, 10, 1), "last chemotherapy 1 Oct 2026"),
        ("chemotherapy-last-date", "2026-05", "last chemotherapy May 2026"),
        ("chemotherapy-last-date", "2026", "last chemotherapy 2026"),
        ("chemotherapy-last-date", "2025-12-30/2026-01-02", "last chemotherapy 30 Dec 2025 to 2 Jan 2026"),
        ("adjuvant-end-date", "2026-05-20/2026-10-20", "adjuvant chemotherapy ended on 20 May 2026 to 20 Oct 2026"),
        ("braf", "mutated", "BRAF: mutated"),
        ("primary-site", "rectum-high", "primary: upper rectum"),
        ("primary-site", "rectum-mid", "primary: middle rectum"),
        ("primary-site", "rectum-low", "primary: lower rectum"),
        ("primary-site", "rectum-unspecified", "primary: rectum, part not recorded"),
        ("primary-site", "colon-unspecified", "primary: colon, part not recorded"),
        ("cea", 4.2, "CEA 4.2 ng/mL"),
        ("impending-complication", True, "complication of the primary impending"),
    ],
)
def test_a_fact_reads_as_a_clause(code: str, value: Any, expected: str) -> None:
    assert clause(FACTS[code], value) == expected


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("asa", "<= 3", "ASA ≤ 3"),
        ("asa", "<= 2", "ASA ≤ 2"),
        ("flr-percent", "> 30", "remnant more than 30 %"),
        ("flr-percent", "> 35", "liver remnant more than 35 %"),
        ("colorectal-operation", "segmental", "segmental colectomy (not major)"),
        ("impending-complication", False, "no impending complication"),
        ("primary-margin", "r0", "R0 where the primary was resected"),
    ],
)
def test_an_assumption_reads_as_a_clause(code: str, value: Any, expected: str) -> None:
    assert assumed(FACTS[code], value) == expected


@pytest.mark.parametrize(
    ("code", "label", "expected"),
    [
        ("ecog", "0-1", "0–1"),  # noqa: RUF001 - as printed
        ("ecog", 2, "2"),
        ("flr-percent", "> 30", "more than 30 %"),
        ("flr-percent", "<= 30", "≤ 30 %"),
        ("flr-percent", "< 30", "under 30 %"),
        ("flr-percent", "> 30 and <= 40", "more than 30 % and ≤ 40 %"),
        ("primary-symptoms", "none or minor", "none or minor"),
        ("primary-symptoms", "minor or obstruction or bleeding", "minor, obstruction or bleeding"),
        ("r0-achievable", True, "yes"),
        ("r0-achievable", "true or false", "yes or no"),
        ("metastasis-count", "4", "4"),
        ("metastasis-count", "> 3", "more than 3"),
        ("months-primary-to-metastases", 1, "1 month"),
        ("months-primary-to-metastases", "0-11", "under 12 months"),
        ("months-primary-to-metastases", "> 11", "≥ 12 months"),
        ("months-primary-to-metastases", "2-11", "2–11 months"),  # noqa: RUF001 - as printed
        ("months-primary-to-metastases", "<= 11", "under 12 months"),
        ("metastases-detected", "at-staging or follow-up", "at staging or at follow-up"),
        ("metastases-detected", "intraoperative", "at operation"),
        ("primary-pathology", "unfavourable-perforated or unfavourable-nodal", "perforated or pN2"),
        (
            "colorectal-operation",
            "right-hemicolectomy or left-hemicolectomy or transverse-colectomy or hartmann",
            "right hemicolectomy, left hemicolectomy or 2 others",
        ),
    ],
)
def test_the_label_of_an_answer_is_readable(code: str, label: Any, expected: str) -> None:
    assert label_text(FACTS[code], label) == expected


@pytest.mark.parametrize(
    ("code", "label", "left", "expected"),
    [
        ("metastasis-count", "1-3", Interval(2), "2–3"),  # noqa: RUF001 - as printed
        ("metastasis-count", "1-3", Interval(3), "3"),
        ("metastasis-count", "> 3", Interval(2), "more than 3"),
        ("metastasis-count", "> 3", Interval(6), "≥ 6"),
        ("metastasis-count", "1-3 or > 3", Interval(2, 9), "2–9"),  # noqa: RUF001
        ("metastasis-count", "1-3 or > 3", Interval(), "≥ 1"),
        ("ecog", "0-1 or 3-5", Interval(1, 3), "1 or 3"),
        ("ecog", "3-5 or 0-1", Interval(), "0–1 or 3–5"),  # noqa: RUF001
        ("months-primary-to-metastases", "5-11", Interval(10, 22), "10–11 months"),  # noqa: RUF001
        ("months-primary-to-metastases", "> 11", Interval(10, 22), "12–22 months"),  # noqa: RUF001
        ("months-primary-to-metastases", "5-11 or > 11", Interval(), "≥ 5 months"),
        ("months-primary-to-metastases", "0-4 or 5-11", Interval(), "under 12 months"),
        ("flr-percent", "> 30 and <= 40", Interval(None, 35, high_included=False), "more than 30 % and under 35 %"),
        ("flr-percent", "<= 30", Interval(None, 35, high_included=False), "≤ 30 %"),
        ("flr-percent", "<= 30", Interval(30, 35), "30 %"),
        ("flr-percent", "> 30", Interval(20, 35), "more than 30 % and ≤ 35 %"),
        ("flr-percent", "<= 30", Interval(20, 35), "20–30 %"),  # noqa: RUF001
        ("flr-percent", "<= 30 or > 30 and <= 40", Interval(), "≤ 40 %"),
        ("flr-percent", "<= 30 or > 40", Interval(), "≤ 30 % or more than 40 %"),
        ("flr-percent", "<= 30", Interval(30, 35, low_included=False), "≤ 30 %"),
        ("primary-symptoms", "none or minor", frozenset({"minor", "bleeding"}), "minor"),
    ],
)
def test_an_answer_names_what_the_chart_leaves_open(code: str, label: str, left: Any, expected: str) -> None:
    assert answer_text(FACTS[code], label, Narrowed(left)) == expected


@pytest.mark.parametrize(
    ("code", "left", "expected"),
    [
        ("metastasis-count", Interval(4), "≥ 4 metastases"),
        ("largest-metastasis", Interval(None, 30, high_included=False), "largest under 30 mm"),
        ("months-primary-to-metastases", Interval(10, 22), "disease-free interval 10–22 months"),  # noqa: RUF001
        ("flr-percent", Interval(None, 35), "remnant ≤ 35 %"),
        ("chemotherapy-cycles", Interval(1), "chemotherapy given, number of cycles not recorded"),
        ("chemotherapy-cycles", Interval(3), "≥ 3 cycles of chemotherapy"),
        (
            "colorectal-operation",
            frozenset(
                {
                    "right-hemicolectomy",
                    "left-hemicolectomy",
                    "transverse-colectomy",
                    "sigmoid-or-high-anterior-resection",
                }
            ),
            "segmental colectomy planned",
        ),
        (
            "colorectal-operation",
            frozenset({"hartmann", "proctocolectomy"}),
            "the planned bowel operation: Hartmann operation or proctocolectomy",
        ),
    ],
)
def test_what_is_left_of_a_narrowed_fact_reads_as_a_clause(code: str, left: Any, expected: str) -> None:
    assert narrowed_clause(FACTS[code], Narrowed(left)) == expected


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(2, None), ">= 2"),
        (Interval(2, None, low_included=False), "> 2"),
        (Interval(None, 5), "<= 5"),
        (Interval(None, 5, high_included=False), "< 5"),
        (Interval(3, 5), "3-5"),
        (Interval(3, 3), "3"),
        (Interval(), ""),
    ],
)
def test_an_interval_has_a_comparator_on_the_wire(interval: Interval, expected: str) -> None:
    assert interval_label(interval) == expected


def test_what_is_left_of_a_narrowed_fact_is_named() -> None:
    left = Narrowed(frozenset({"resectable", "unresectable"}))
    assert narrowed_text(FACTS["extrahepatic-disease"], left) == "resectable or unresectable"
    several = Narrowed(frozenset({"left-hemicolectomy", "right-hemicolectomy", "transverse-colectomy"}))
    listed_once = "left hemicolectomy, right hemicolectomy or transverse colectomy"
    assert narrowed_text(FACTS["colorectal-operation"], several) == listed_once
    assert narrowed_text(FACTS["metastasis-count"], Narrowed(Interval(2, None))) == "≥ 2"


@pytest.mark.parametrize(
    ("fact", "contested", "words"),
    [
        ("ecog", set(), ""),
        ("largest-metastasis", {30, 4, 29.5}, ", 4 mm against 29.5 mm against 30 mm"),
        ("metastasis-count", {1, Interval(2, None)}, ", ≥ 2 against 1"),
        ("impending-complication", {True, False}, ", no against yes"),
        ("primary-t", {"T4b", "T3"}, ", T3 against T4b"),
        ("primary-diagnosis-date", {date(2026, 5, 4), "2026-06"}, ", 4 May 2026 against Jun 2026"),
        ("metastasis-count", {5, 4, 3, 2}, ", 2 against 3 against 4 against 5"),
        ("metastasis-count", {5, 4, 3, 2, 1}, ", 1 against 2 against 3 against 4 …"),
    ],
)
def test_a_contradiction_names_what_is_said(fact: str, contested: set[Any], words: str) -> None:
    assert contradiction(FACTS[fact], contested) == f"sources contradict each other{words}"


def test_only_plural_facts_decide_in_the_plural() -> None:
    assert decides(FACTS["ecog"]) == "ECOG decides"
    assert decides(FACTS["primary-symptoms"]) == "symptoms of the primary decide"
    assert decides(FACTS["chemotherapy-cycles"]) == "preoperative cycles decide"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [listed([]), listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")] == [
        "",
        "a",
        "a and b",
        "a, b or c",
    ]


@pytest.mark.parametrize(
    ("site", "expected"),
    [("sigmoid-colon", "the sigmoid primary"), ("rectum-low", "the low rectal primary"), (None, "the primary")],
)
def test_the_primary_is_named_by_its_site(site: str | None, expected: str) -> None:
    assert site_adjective(site) == expected


def test_what_an_mdt_decided_is_named_as_cards_name_it() -> None:
    decision = FACTS["mdt-decision"]
    assert {code: value_text(decision, code) for code in decision.choices} == {
        "staged": "staged (primary first)",
        "liver-first": "liver first",
        "simultaneous": "simultaneous resection",
        "systemic-first": "systemic therapy first",
        "metachronous": "treatment as metachronous disease",
        "mdt": "MDT",
    }
