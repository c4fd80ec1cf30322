"""Every fault of a guideline is listed at once, with its place."""

from __future__ import annotations

import pytest

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.guideline import build_guideline
from service.knowledge.policy import GuidelineError
from tests.knowledge.small_guideline import SMALL

LOOP = "position 1: in definition {}: position 1: in definition {}: position 1: definition {} needs itself"


def faults_of(*texts: str) -> list[str]:
    with pytest.raises(GuidelineError) as caught:
        build_guideline({f"{number}.toml": text for number, text in enumerate(texts)}, load_catalogue())
    assert str(caught.value) == "\n".join(caught.value.faults)
    return list(caught.value.faults)


def test_a_file_that_is_no_toml_is_a_fault() -> None:
    assert faults_of(SMALL, "a = ")[0].startswith("1.toml: Invalid value")


def test_an_empty_guideline_lacks_everything() -> None:
    assert faults_of("") == [
        "guideline: id is missing",
        "guideline: version is missing",
        "guideline: title is missing",
        "guideline: status is missing",
        "guideline: there are no rows",
    ]


def test_faults_of_structure_are_listed_together() -> None:
    extra = """
colour = "red"
definition = 3
[[row]]
id = "C"
when = 3
sentence = "No from."
strategy = "mdt"
strength = "weak"
hue = 1
[[row]]
id = "D"
when = "unfit"
sentence = "."
from = [1]
alternatives = { strategy = "mdt" }
[[advisory]]
code = "odd"
sentence = "."
if_assumed = { fact = "asa", sentence = ".", more = 1 }
[[assumption]]
fact = "asa"
assume = "asa <= 3"
label = [1]
printed = "no"
sentence = "."
[[tie]]
when = "unfit"
[parameter.wrong]
value = "x"
minimum = "y"
reason = "."
[citation.X]
text = "."
check = "maybe"
[citation.Y]
text = "."
[statement.Z]
text = "."
src = "1"
[months_between]
m = 3
"""
    assert sorted(faults_of(SMALL, extra)) == sorted(
        [
            "1.toml.definition: must be a table",
            "1.toml: unknown key 'colour'",
            "row C: when must be a text",
            "row C: strength must be one of conditional, strong",
            "row C: from is missing",
            "row C: strategy and next_step come together",
            "row C: unknown key 'hue'",
            "row D: from must be a list of texts",
            "row D: alternatives must be a list of tables",
            "advisory odd: when is missing",
            "advisory odd: from is missing",
            "advisory odd.if_assumed: unknown key 'more'",
            "assumption asa: label must be a single value",
            "assumption asa: printed must be true or false",
            "tie unfit: then is missing",
            "tie unfit: reason is missing",
            "parameter wrong: value must be a number, true or false",
            "parameter wrong: minimum must be a number",
            "citation X: check must be one of verified, general",
            "citation Y: check is missing",
            "statement Z: src must be a list of texts",
            "months_between m: must be a table",
            "months_between m: first is missing",
            "months_between m: last is missing",
        ]
    )


def test_lists_hold_tables() -> None:
    assert faults_of("row = [3]")[0] == "row 1: must be a table"
    assert "row 1: id must be a text" in faults_of("[[row]]\nid = 3")


def test_faults_of_conditions_and_references_are_listed_together() -> None:
    extra = """
[definition]
ecog = "unfit"
first = "second"
second = "first"
[[row]]
id = "A"
when = "ecog >="
sentence = "."
strategy = "surgery"
next_step = "walk"
strong_when = "tall"
from = ["S9"]
citations = ["NOBODY20"]
alternatives = [{ strategy = "surgery", when = "row == A" }]
[[row]]
id = "C"
when = "first"
strategy = "mdt"
next_step = "talk"
sentence = "No statement."
from = []
[[advisory]]
code = "mixed"
when = "unfit or conflicting in gaps"
sentence = "In {some_weeks} weeks."
from = []
if_assumed = { fact = "asa", sentence = "In {other_weeks} weeks." }
[[assumption]]
fact = "ecog"
when = "asa <= 2"
assume = "asa <= 2"
sentence = "."
[[assumption]]
fact = "asa"
assume = "asa <= 2 and asa >= 1"
sentence = "."
[[assumption]]
fact = "primary-site"
assume = "primary_site in {caecum, rectosigmoid}"
sentence = "."
[[tie]]
when = "primary_site == caecum"
then = "msi == stable"
reason = "."
[[tie]]
when = "msi == stable"
then = "primary_margin == r0 and ecog == 0"
reason = "."
[[tie]]
when = "liver_mri_done"
then = "msi == stable"
reason = "."
[interval]
soon = "{soon_days} days"
[next_step.run]
title = "."
sentence = "."
liver = "now"
primary = "now"
interval = "later"
[parameter.late]
months_in = "late_days"
reason = "."
[months_between.gap]
first = "asa"
last = "liver-metastasis-date"
"""
    assert faults_of(SMALL, extra) == [
        "row A: position 8: expected a name, found the end",
        f"row C: {LOOP.format('first', 'second', 'first')}",
        "advisory mixed: gaps and facts cannot be tested in one condition",
        "row A, alternatives: position 1: row can only be read by advisories",
        "row A, strong_when: position 1: unknown name 'tall'",
        "row A, strong_when: position 14: unknown name 'tall'",
        "assumption ecog: its condition reads asa, which is itself assumed",
        "assumption ecog: assume must be one test of ecog",
        "assumption asa: assume must be one test of asa",
        "assumption primary-site: an assumption of several values needs a label",
        "tie 'primary_site == caecum': its condition reads primary-site, which is itself assumed",
        "tie 'msi == stable': then must be one test of one fact",
        "tie 'liver_mri_done': msi is tied already",
        f"definition first: {LOOP.format('first', 'second', 'first')}",
        f"definition second: {LOOP.format('second', 'first', 'second')}",
        "row A: there are two of it",
        "definition ecog: the name is taken by a fact or a parameter",
        "row A: unknown strategy 'surgery'",
        "row A: unknown next step 'walk'",
        "row A: unknown strategy 'surgery'",
        "row A: unknown statement 'S9'",
        "row A: unknown citation 'NOBODY20'",
        "row C: a recommendation names at least one statement",
        "advisory mixed: unknown parameter 'some_weeks'",
        "advisory mixed: unknown parameter 'other_weeks'",
        "next step run: unknown interval 'later'",
        "interval soon: unknown parameter 'soon_days'",
        "parameter late: unknown parameter 'late_days'",
        "months_between gap: unknown date 'asa'",
    ]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("about {weeks weeks", ["interval soon: a brace stands alone"]),
        ("about weeks} weeks", ["interval soon: a brace stands alone"]),
        ("about {{weeks}}", ["interval soon: unknown parameter 'weeks'", "interval soon: a brace stands alone"]),
        ("about {weeks:>9}", ["interval soon: unknown parameter 'weeks:>9'"]),
    ],
)
def test_a_text_of_an_interval_names_parameters_in_whole_braces(text: str, faults: list[str]) -> None:
    assert faults_of(SMALL, f'[interval]\nsoon = "{text}"\n') == faults


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ("ecog", "position 1: fact ecog is no yes-or-no fact and needs a comparison"),
        ("ecog_unfit", "position 1: parameter ecog_unfit is a number and needs a comparison"),
        ("nothing == 1", "position 1: unknown name 'nothing'"),
        ("ecog < limit", "position 8: unknown parameter 'limit'"),
        ("ecog in {1, limit}", "position 13: unknown parameter 'limit'"),
        ("ecog < {1}", "position 8: a set needs in or not in"),
        ("ecog in 1", "position 9: in and not in need a set"),
        ("primary_margin == r9", "position 19: 'r9' is no value of primary-margin"),
        ("primary_margin == 1", "position 19: '1' is no value of primary-margin"),
        ("primary_margin < r1", "position 1: < orders numbers, primary_margin is none"),
        ("primary_margin == {r1}", "position 19: a set needs in or not in"),
        ("primary_margin in r1", "position 19: in and not in need a set"),
        ("primary_in_situ == maybe", "position 20: 'maybe' is no value of primary-in-situ"),
        ("adjuvant_end_date == 1", "position 1: fact adjuvant_end_date is a date and cannot be compared"),
        ("perforation in signs", "position 16: signs cannot be read here"),
        ("absent(asa)", "position 1: absent(…) belongs to assumptions and ties"),
    ],
)
def test_conditions_of_rows_are_checked_against_the_catalogue(condition: str, fault: str) -> None:
    text = SMALL.replace('when = "not unfit"', f'when = "{condition}"')
    assert faults_of(text)[0] == f"row B: {fault}"


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ("old in gaps", "position 1: 'old' is none of the gaps"),
        ("absent == gaps", "position 1: gaps is a set: use in or not in"),
        ("perforation in signs", "position 16: signs cannot be read here"),
        ("row == C", "position 8: unknown row 'C'"),
        ("row in {1}", "position 9: unknown row '1'"),
        ("next_step == walk", "position 14: unknown next_step 'walk'"),
    ],
)
def test_conditions_of_advisories_are_checked(condition: str, fault: str) -> None:
    assert faults_of(SMALL.replace("outdated in gaps", condition)) == [f"advisory old: {fault}"]


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ("tired in signs", "position 1: 'tired' is none of the signs"),
        ("absent in gaps", "position 11: gaps cannot be read here"),
        ("absent(asa == 1)", "position 1: absent(…) takes one fact"),
        ("recorded(asa == 1)", "position 1: recorded(…) takes one test of a choice"),
        ("missing(asa)", "position 1: unknown test 'missing'"),
        ("switch == 3", "position 1: unknown name 'switch'"),
        ("ecog < switch", "position 8: parameter switch is no number"),
    ],
)
def test_conditions_of_assumptions_are_checked(condition: str, fault: str) -> None:
    extra = f"""
[parameter.switch]
value = true
reason = "."
[[assumption]]
fact = "asa"
when = "{condition}"
assume = "asa <= 2"
sentence = "."
"""
    assert faults_of(SMALL, extra) == [f"assumption asa: {fault}"]


def test_patients_that_no_row_takes_are_described() -> None:
    assert faults_of(SMALL.replace('when = "not unfit"', 'when = "ecog <= 1"')) == ["no row takes: ecog 2"]
    text = SMALL.replace('when = "not unfit"', 'when = "ecog > 7"').replace('when = "unfit"', 'when = "ecog > 6"')
    assert faults_of(text) == ["no row takes: everything"]


def test_two_assumptions_of_one_fact_must_not_meet() -> None:
    rule = """
[[assumption]]
fact = "asa"
when = "{}"
assume = "asa {}"
sentence = "."
"""
    apart = rule.format("liver_mri_done", "<= 2") + rule.format("not liver_mri_done", "== 3")
    assert len(build_guideline({"1": SMALL, "2": apart}, load_catalogue()).assumptions) == 2
    meeting = rule.format("liver_mri_done", "<= 2") + rule.format("perforation in signs", "== 3")
    assert faults_of(SMALL, meeting) == ["assumption asa: two of it may apply to one patient"]
