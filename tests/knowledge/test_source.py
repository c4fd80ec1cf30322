"""Every table of a guideline's files arrives as it is written, and what is not written as it is documented."""

from __future__ import annotations

import pytest

from fhir_mappings.catalogue import Catalogue, FactDefinition
from service.knowledge.decision import Outcome
from service.knowledge.domain import MonthsBetween
from service.knowledge.model import (
    Advisory,
    Alternative,
    AssumptionRule,
    Citation,
    NextStep,
    Parameter,
    Row,
    Statement,
    Tie,
)
from service.knowledge.source import Source, read_source

SPARE = """
[definition]
fit = "ecog < limit"
[interval]
soon = "within {late} days"
[strategy]
mdt = "MDT"
[resolution]
R1 = "Ours."
[[row]]
id = "A"
when = "fit"
sentence = "Fit."
from = ["S1", "R1"]
[[advisory]]
code = "old"
when = "outdated in gaps"
sentence = "Old."
from = []
[[assumption]]
fact = "asa"
assume = "asa <= 3"
sentence = "Assumed."
[[tie]]
when = "fit"
then = "msi == stable"
reason = "Because."
[months_between.gap]
first = "one-date"
last = "other-date"
[parameter.limit]
value = 3
reason = "R9"
[next_step.talk]
title = "talk"
sentence = "Talk."
liver = "now"
primary = "now"
[statement.S1]
text = "Said."
src = ["1"]
[citation.C1]
text = "Paper."
check = "verified"
"""

FULL = """
[guideline]
id = "full"
version = "2"
title = "Full"
status = "Tried in tests only."
[definition]
unfit = "not fit"
[interval]
late = "later"
[strategy]
staged = "Staged"
[resolution]
R2 = "Ours too."
[[row]]
id = "B"
when = "unfit"
strategy = "mdt"
next_step = "walk"
strength = "strong"
strong_when = "fit"
sentence = "Unfit."
from = ["S2"]
citations = ["C2"]
alternatives = [{ strategy = "staged" }, { strategy = "mdt", next_step = "talk", when = "fit" }]
[[advisory]]
code = "new"
when = "absent in gaps"
sentence = "New."
from = ["S2"]
citations = ["C2"]
facts = ["asa", "msi"]
if_assumed = { fact = "asa", sentence = "New, as far as is known." }
[[assumption]]
fact = "msi"
when = "absent(braf)"
assume = "msi == stable"
label = "as most"
printed = false
sentence = "Assumed too."
[[assumption]]
fact = "ecog"
assume = "ecog == 0"
label = 0
sentence = "."
[[tie]]
when = "unfit"
then = "ecog == 4"
reason = "So it is."
[months_between.wait]
first = "other-date"
last = "one-date"
[parameter.share]
value = 1
number = true
unit = "%"
minimum = 0
maximum = 2.5
use = "text"
not_above = "limit"
reason = "R2"
[parameter.switch]
value = true
use = "mapper"
reason = "."
[parameter.months]
months_in = "share"
reason = "."
[next_step.walk]
title = "walk"
sentence = "Walk."
interval = "late"
liver = "after-chemotherapy"
primary = "not-now"
chemotherapy_months = "months"
[statement.S2]
text = "Said too."
src = ["2", "3"]
decides = false
[citation.C2]
text = "Other paper."
check = "general"
"""


def read(*texts: str, catalogue: Catalogue | None = None) -> tuple[Source, list[str]]:
    faults: list[str] = []
    named = {f"{number}.toml": text for number, text in enumerate(texts)}
    return read_source(named, catalogue or Catalogue({}), faults), faults


def test_files_are_read_as_they_are_written_one_after_the_other() -> None:
    assert read(SPARE, FULL) == (
        Source(
            id="full",
            version="2",
            title="Full",
            status="Tried in tests only.",
            definitions={"fit": "ecog < limit", "unfit": "not fit"},
            months_between=[
                MonthsBetween("gap", "one-date", "other-date"),
                MonthsBetween("wait", "other-date", "one-date"),
            ],
            rows=[
                Row("A", "fit", "Fit.", statements=("S1", "R1")),
                Row(
                    "B",
                    "unfit",
                    "Unfit.",
                    strategy="mdt",
                    next_step="walk",
                    strength="strong",
                    strong_when="fit",
                    statements=("S2",),
                    citations=("C2",),
                    alternatives=(Alternative(Outcome("staged")), Alternative(Outcome("mdt", "talk"), "fit")),
                ),
            ],
            advisories=[
                Advisory("old", "outdated in gaps", "Old."),
                Advisory(
                    "new", "absent in gaps", "New.", ("S2",), ("C2",), "asa", "New, as far as is known.", ("asa", "msi")
                ),
            ],
            assumptions=[
                AssumptionRule("asa", None, "asa <= 3", "", "Assumed."),
                AssumptionRule("msi", "absent(braf)", "msi == stable", "as most", "Assumed too.", printed=False),
                AssumptionRule("ecog", None, "ecog == 0", 0, "."),
            ],
            ties=[Tie("fit", "msi == stable", "Because."), Tie("unfit", "ecog == 4", "So it is.")],
            parameters={
                "limit": Parameter("limit", 3, "R9", "integer"),
                "share": Parameter("share", 1, "R2", "number", "%", 0, 2.5, "text", not_above="limit"),
                "switch": Parameter("switch", value=True, reason=".", kind="boolean", use="mapper"),
                "months": Parameter("months", 0, ".", "integer", months_in="share"),
            },
            intervals={"soon": "within {late} days", "late": "later"},
            strategies={"mdt": "MDT", "staged": "Staged"},
            next_steps={
                "talk": NextStep("talk", "talk", "Talk.", "now", "now"),
                "walk": NextStep("walk", "walk", "Walk.", "after-chemotherapy", "not-now", "late", "months"),
            },
            statements={"S1": Statement("S1", "Said.", ("1",)), "S2": Statement("S2", "Said too.", ("2", "3"), False)},  # noqa: FBT003 - shown only
            resolutions={"R1": "Ours.", "R2": "Ours too."},
            citations={"C1": Citation("C1", "Paper.", "verified"), "C2": Citation("C2", "Other paper.", "general")},
        ),
        [],
    )


def test_a_file_without_a_head_keeps_that_of_another() -> None:
    heads = [
        (found.id, found.version, found.title, found.status)
        for found in (read(SPARE, FULL)[0], read(FULL, SPARE)[0], read(SPARE)[0])
    ]
    assert heads == [("full", "2", "Full", "Tried in tests only.")] * 2 + [("", "", "", "")]


def test_every_maximum_age_of_the_catalogue_is_a_parameter_in_days() -> None:
    ages = (("some-fact", 90), ("other", None), ("last", 1))
    catalogue = Catalogue(
        {code: FactDefinition(code, f"the {code}", "?", "integer", "r", maximum_age_days=age) for code, age in ages}
    )
    assert read(catalogue=catalogue)[0].parameters == {
        "some_fact_maximum_age_days": Parameter(
            "some_fact_maximum_age_days",
            90,
            "case facts: the some-fact is outdated when older",
            "integer",
            "d",
            1,
            3660,
            "mapper",
        ),
        "last_maximum_age_days": Parameter(
            "last_maximum_age_days",
            1,
            "case facts: the last is outdated when older",
            "integer",
            "d",
            1,
            3660,
            "mapper",
        ),
    }


def test_what_stands_where_a_value_must_stand_is_kept_as_nothing_beside_its_fault() -> None:
    odd = """
[[assumption]]
fact = "asa"
assume = "asa <= 3"
label = [3]
sentence = "."
[parameter.limit]
value = "3"
minimum = true
reason = "."
[parameter.lost]
reason = "."
[citation.C]
text = "."
check = "perhaps"
"""
    found, faults = read(odd)
    assert (found.assumptions, found.parameters, found.citations, faults) == (
        [AssumptionRule("asa", None, "asa <= 3", "", ".")],
        {"limit": Parameter("limit", 0, ".", "integer"), "lost": Parameter("lost", 0, ".", "integer")},
        {"C": Citation("C", ".", "verified")},
        [
            "assumption asa: label must be a single value",
            "parameter limit: value must be a number, true or false",
            "parameter limit: minimum must be a number",
            "parameter lost: value must be a number, true or false",
            "citation C: check must be one of verified, general",
        ],
    )


TABLES: list[tuple[str, list[str]]] = [
    ("guideline", ["id", "version", "title", "status"]),
    ("row id", ["when", "sentence", "from"]),
    ("advisory code", ["when", "sentence", "from"]),
    ("assumption fact", ["assume", "sentence"]),
    ("tie when", ["then", "reason"]),
    ("months_between", ["first", "last"]),
    ("parameter", ["value", "reason"]),
    ("next_step", ["title", "sentence", "liver", "primary"]),
    ("statement", ["text", "src"]),
    ("citation", ["check", "text"]),
]


@pytest.mark.parametrize(("what", "needed"), TABLES)
def test_what_a_table_lacks_and_what_nobody_reads_is_listed_with_its_name(what: str, needed: list[str]) -> None:
    kind, _, name = what.partition(" ")
    head = f'[[{kind}]]\n{name} = "x"\n' if name else f"[{kind}]\n" if kind == "guideline" else f"[{kind}.x]\n"
    where = "0.toml.guideline" if kind == "guideline" else f"{kind} x"
    lacking = [f"{where}: {key} is missing" for key in needed if key != "value"]
    lacking[:0] = [f"{where}: value must be a number, true or false"] if "value" in needed else []
    assert read(f'{head}colour = "red"\n')[1] == [*lacking, f"{where}: unknown key 'colour'"]


def test_what_stands_inside_a_row_or_an_advisory_has_its_own_name() -> None:
    row = '[[row]]\nid = "A"\nwhen = "fit"\nsentence = "."\nfrom = []\n'
    inside = 'alternatives = [{ strategy = "mdt", hue = 1 }, { when = "fit" }]\n'
    advisory = '[[advisory]]\ncode = "new"\nwhen = "fit"\nsentence = "."\nfrom = []\n'
    assert read(row + inside + advisory + "if_assumed = { hue = 1 }\n")[1] == [
        "alternatives mdt: unknown key 'hue'",
        "alternatives 2: strategy is missing",
        "advisory new.if_assumed: fact is missing",
        "advisory new.if_assumed: sentence is missing",
        "advisory new.if_assumed: unknown key 'hue'",
    ]


@pytest.mark.parametrize("more", ['liver = "after-chemotherapy"', 'liver = "now"\nchemotherapy_months = "months"'])
def test_months_of_chemotherapy_belong_to_a_liver_that_waits_for_them(more: str) -> None:
    _, faults = read(f'[next_step.x]\ntitle = "x"\nsentence = "X."\nprimary = "now"\n{more}\n')
    assert faults == ['next_step x: chemotherapy_months and liver = "after-chemotherapy" come together']


@pytest.mark.parametrize(
    ("use", "read_as", "faults"),
    [
        ("", "condition", []),
        ('use = "condition"', "condition", []),
        ('use = "mapper"', "mapper", []),
        ('use = "text"', "text", []),
        ('use = "cards"', "condition", ["parameter p: use must be one of condition, mapper, text"]),
    ],
)
def test_a_parameter_is_read_by_conditions_unless_it_says_otherwise(use: str, read_as: str, faults: list[str]) -> None:
    found, noted = read(f'[parameter.p]\nvalue = 1\nreason = "."\n{use}\n')
    assert (found.parameters["p"].use, noted) == (read_as, faults)


@pytest.mark.parametrize(
    ("strategy", "next_step", "faults"),
    [
        ("mdt", "talk", []),
        (None, None, []),
        ("mdt", None, ["row A: strategy and next_step come together"]),
        (None, "talk", ["row A: strategy and next_step come together"]),
    ],
)
def test_a_row_has_a_strategy_and_a_next_step_or_neither(
    strategy: str | None, next_step: str | None, faults: list[str]
) -> None:
    row = '[[row]]\nid = "A"\nwhen = "fit"\nsentence = "."\nfrom = []\n'
    row += "".join(f'{key} = "{value}"\n' for key, value in (("strategy", strategy), ("next_step", next_step)) if value)
    assert read(row)[1] == faults
