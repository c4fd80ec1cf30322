"""The shipped guideline loads and holds what the requirements say; a small one is enough."""

from __future__ import annotations

import locale
from dataclasses import FrozenInstanceError

import pytest

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.cubes import truth
from service.knowledge.decision import Outcome
from service.knowledge.formula import RowTest
from service.knowledge.guideline import build_guideline, load_guideline, shipped_texts
from tests.knowledge.small_guideline import SMALL

ROWS = (
    "T0 T1 T2 A1 A2u A2 A2b A2c A2d G1 G2 G2b G3 A7 A6 B1 B0 B0m B2 A9 A10 A12 A12b A12c A13 B3 B6 B8 B7"
).split()  # fmt: skip


def test_the_shipped_guideline_says_who_it_is() -> None:
    guideline = load_guideline()
    assert (guideline.id, guideline.version, guideline.policy.name) == ("crlm-summary-2025", "1.0.0", "default")
    assert [row.id for row in guideline.rows] == ROWS
    assert load_guideline() is guideline


def test_the_guideline_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        load_guideline().version = "2"  # type: ignore[misc]


def test_rows_and_advisories_are_found_by_name() -> None:
    guideline = load_guideline()
    assert guideline.row("A10").statements == ("S8", "S11", "R1")
    assert guideline.row("A10").alternatives[0].outcome == Outcome("liver-first")
    assert guideline.advisory("restage-3-months").statements == ("S17",)
    with pytest.raises(KeyError):
        guideline.row("A11")
    with pytest.raises(KeyError):
        guideline.advisory("none")


def test_all_statements_and_resolutions_are_there() -> None:
    guideline = load_guideline()
    assert list(guideline.statements) == [f"S{number}" for number in range(1, 31)]
    assert list(guideline.resolutions) == [f"R{number}" for number in (*range(1, 12), *range(14, 20))]
    shown_only = [name for name, statement in guideline.statements.items() if not statement.decides]
    assert shown_only == ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S16", "S25", "S29"]


@pytest.mark.parametrize(
    ("statement", "figures"),
    [
        ("S4", ["20", "34 %", "1.3 %"]),
        ("S5", ["16 %"]),
        ("S6", ["44.3 %", "71.7 %", "49.8 %", "0.31"]),
        ("S11", ["24.1 %", "10.4 %"]),
        ("S16", ["96.4 %", "65.6 %", "0.01"]),
        ("S19", ["8 %"]),
    ],
)
def test_statements_quote_the_figures_of_the_summary(statement: str, figures: list[str]) -> None:
    text = load_guideline().statements[statement].text
    assert [figure for figure in figures if figure not in text] == []


def test_statements_that_are_only_shown_stand_behind_no_row() -> None:
    guideline = load_guideline()
    used = {name for row in guideline.rows for name in row.statements if name in guideline.statements}
    assert all(guideline.statements[name].decides for name in used)


def test_maximum_ages_and_windows_are_parameters() -> None:
    parameters = load_guideline().parameters
    assert parameters["ecog_maximum_age_days"].value == 90
    assert parameters["primary_symptoms_maximum_age_days"].value == 60
    assert (parameters["staging_window_days"].value, parameters["intraoperative_window_days"].value) == (30, 60)


def test_intervals_are_written_with_the_parameters() -> None:
    steps = load_guideline().next_steps
    assert steps["liver-about-2-months-after-recovery"].interval == "about 2 months after the primary (6\u201312 weeks)"
    assert steps["second-line"].interval is None


def test_labels_of_assumptions_follow_the_parameters() -> None:
    labels = [(rule.fact, rule.label) for rule in load_guideline().assumptions]
    assert labels == [
        ("asa", "<= 3"),
        ("extrahepatic-disease", "none"),
        ("impending-complication", False),
        ("colorectal-multivisceral", False),
        ("colorectal-operation", "segmental"),
        ("colorectal-operation", "low-anterior-resection"),
        ("flr-percent", "> 30"),
        ("liver-centre-discussed", "not-yet"),
        ("chemotherapy-cycles", 0),
        ("primary-margin", "r0"),
        ("primary-pathology", "favourable"),
        ("rectal-radiotherapy", "not-indicated"),
        ("adjuvant-status", "none"),
        ("liver-state", "untreated"),
        ("primary-in-situ", True),
    ]


def test_a_small_guideline_is_enough() -> None:
    guideline = build_guideline({"small.toml": SMALL}, load_catalogue())
    assert [row.id for row in guideline.rows] == ["A", "B"]
    assert (guideline.assumptions, guideline.compiled.ties, guideline.compiled.months_between) == ((), (), ())


def test_all_files_of_the_shipped_guideline_are_read() -> None:
    assert sorted(shipped_texts()) == ["advisories.toml", "evidence.toml", "pathway.toml", "policy.toml", "steps.toml"]


def test_the_files_are_read_as_utf_8_whatever_the_locale() -> None:
    before, texts = locale.setlocale(locale.LC_CTYPE), shipped_texts()
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        assert shipped_texts() == texts
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def test_definitions_may_be_switches_and_are_negated_like_any_other() -> None:
    extra = """
[parameter.switch]
value = true
reason = "."
[definition]
on = "switch"
fit = "not unfit and on"
[[row]]
id = "C"
when = "not fit and not on"
sentence = "Never."
from = []
[[assumption]]
fact = "asa"
assume = "asa >= 2"
sentence = "."
"""
    guideline = build_guideline({"1": SMALL, "2": extra}, load_catalogue())
    assert [row.id for row in guideline.compiled.rows if row.cubes] == ["A", "B"]
    assert guideline.assumptions[0].label == "> 1"


def test_only_tests_of_cells_can_be_evaluated() -> None:
    with pytest.raises(TypeError, match="only tests of cells"):
        truth(RowTest(frozenset({"A"})), (1,))


def test_an_assumption_that_no_value_can_keep_never_applies() -> None:
    extra = """
[[assumption]]
fact = "asa"
assume = "asa > 6"
sentence = "."
[[row]]
id = "C"
when = "asa > 4"
sentence = "Never reached."
from = []
"""
    guideline = build_guideline({"1": SMALL, "2": extra}, load_catalogue())
    assert guideline.compiled.assumptions[0].fill == 0
