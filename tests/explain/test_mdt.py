"""What counts as a change since the MDT's decision, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import ABSENT, Evidence, Gap, Interval, Known, Narrowed, PartialDate, Unknown
from service.knowledge.decide import decide
from service.knowledge.explanation import Strong, Text
from service.knowledge.guideline import load_guideline
from service.knowledge.mdt import Change, changes_since, explain_mdt
from service.knowledge.phrases import SUMMARY_LIMIT
from service.knowledge.reading import Reading
from tests.decided import CATALOGUE, DECIDED, by_mdt, example, section_of, with_facts
from tests.explain.plain import plain

if TYPE_CHECKING:
    from fhir_mappings.case import Case, Fact, Value
    from service.knowledge.explanation import Explanation

GUIDELINE = load_guideline()
LATER = (Evidence("Observation/new", "coded", PartialDate(date(2026, 11, 18), date(2026, 11, 18))),)
SAME_DAY = (Evidence("Observation/new", "coded", DECIDED),)


def contested(*values: Value, evidence: tuple[Evidence, ...] = ()) -> Unknown:
    return Unknown(Gap.CONFLICTING, evidence, contested=frozenset(values))


def decided(example_id: str = "V16", strategy: str = "simultaneous", **changed: Any) -> Case:
    return by_mdt(example(example_id), strategy, **changed)


def changes(case: Case) -> tuple[Change, ...]:
    return changes_since(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))


def told(case: Case) -> Explanation:
    return explain_mdt(Reading(case, decide(case, GUIDELINE), GUIDELINE, CATALOGUE))


@pytest.mark.parametrize(
    ("then", "now", "changed"),
    [
        (Known(0), Known(2, LATER), True),
        (Known(0), Known(0, LATER), False),
        (Known(0), Known(2, SAME_DAY), False),
        (Known(0), Known(2), False),
        (ABSENT, Known(0, LATER), True),
        (Known(0), Unknown(Gap.CONFLICTING, LATER), True),
        (Unknown(Gap.CONFLICTING), Unknown(Gap.CONFLICTING, LATER), False),
        (contested(0, 1), contested(1, 0, evidence=LATER), False),
        (contested(0, 1), contested(0, 2, evidence=LATER), True),
        (contested(0, 1), contested(0, 1, 2, evidence=LATER), True),
        (contested(0, 1), contested(0, 2, evidence=SAME_DAY), False),
        (Known(0), Unknown(Gap.OUTDATED, LATER), False),
        (Known(0), Narrowed(Interval(1, 2), LATER), True),
        (Narrowed(Interval(1, 2)), Narrowed(Interval(1, 2), LATER), False),
        (Narrowed(Interval(1, 2)), Narrowed(Interval(1, 3), LATER), True),
    ],
)
def test_a_change_is_another_value_from_a_later_day(then: Fact, now: Fact, changed: bool) -> None:  # noqa: FBT001
    case = decided()
    case = replace(case, mdt=replace(case.mdt, facts_then={**case.facts, "ecog": then}))  # type: ignore[type-var]
    found = changes(with_facts(case, ecog=now))
    assert found == ((Change("ecog", then, now),) if changed else ())


def test_without_a_dated_decision_nothing_is_newer() -> None:
    assert changes(with_facts(decided(decided=None), ecog=Known(2, LATER))) == ()
    assert changes(replace(example("V16"), mdt=None)) == ()


def test_without_a_dated_decision_the_card_says_that_nothing_can_be_newer() -> None:
    told_of = told(decided(decided=None))
    assert [(section.code, section.title) for section in told_of.sections] == [("recommendation", ""), ("sources", "")]
    assert [(line.kind, line.parts[0]) for line in told_of.sections[0].lines] == [
        ("recommendation", Strong("MDT decided simultaneous resection (date not recorded)")),
        ("notice", Text("Without a date it cannot be told whether deciding facts changed since.")),
    ]


def test_what_changed_stands_before_the_answer_of_now() -> None:
    sections = told(with_facts(decided(), ecog=Known(2, LATER))).sections
    assert [(section.code, section.title) for section in sections] == [
        ("recommendation", ""),
        ("mdt", "Changed since"),
        ("why", "Now"),
        ("sources", ""),
    ]


def test_a_day_that_may_be_later_counts_as_later() -> None:
    month = (Evidence("Observation/new", "coded", PartialDate(date(2026, 11, 1), date(2026, 11, 30))),)
    assert len(changes(with_facts(decided(), ecog=Known(2, month)))) == 1


@pytest.mark.parametrize(
    ("ecog", "verdict"),
    [
        (Known(1, LATER), "The recommendation stays the same"),
        (Known(2, LATER), "The recommendation would now differ"),
        (Unknown(Gap.CONFLICTING, LATER), "The recommendation would now differ"),
    ],
)
def test_the_card_says_whether_the_recommendation_would_differ(ecog: Fact, verdict: str) -> None:
    explanation = told(with_facts(decided(), ecog=ecog))
    assert explanation.summary == (f"MDT decided simultaneous resection on 10 Nov 2026; changed since: ECOG. {verdict}")


@pytest.mark.parametrize(
    ("case", "count", "verdict"),
    [
        (decided("V09", "staged"), 5, "The recommendation stays the same"),
        (decided("V09", "mdt"), 5, "The recommendation stays the same"),
        (decided("V09", "simultaneous"), 5, "The recommendation still differs from it"),
        (decided("V19", "liver-first"), 3, "The recommendation stays open"),
    ],
    ids=["as the MDT decided", "the MDT put it off", "not what the MDT decided", "open"],
)
def test_a_recommendation_that_stays_does_not_seem_to_support_another_decision_of_the_mdt(
    case: Case, count: int, verdict: str
) -> None:
    found = told(with_facts(case, metastasis_count=Known(count, LATER)))
    assert found.summary.endswith(f"changed since: number of metastases. {verdict}")


@pytest.mark.parametrize(
    ("case", "changed", "verdict"),
    [
        (decided("V38", "liver-first"), {"flr_percent": 42}, "The recommendation now agrees with it"),
        (decided("V16", "liver-first"), {"ecog": 2}, "The recommendation now agrees with it"),
        (decided("V38", "liver-first"), {"flr_percent": 20}, "The recommendation would now differ"),
        (decided("V19", "liver-first"), {"largest_metastasis": 50}, "The recommendation stays open"),
        (
            decided("V19", "liver-first"),
            {"liver_state": "treated", "primary_in_situ": False},
            "The recommendation would now differ",
        ),
    ],
    ids=["open before", "another before", "open before, another now", "open before and now", "nothing left"],
)
def test_a_recommendation_that_comes_to_what_the_mdt_decided_does_not_seem_to_differ_from_it(
    case: Case, changed: dict[str, Any], verdict: str
) -> None:
    found = told(with_facts(case, **{code: Known(value, LATER) for code, value in changed.items()}))
    assert found.summary.endswith(f". {verdict}")


@pytest.mark.parametrize("reason", [None, "frail since the last cycle"])
@pytest.mark.parametrize(
    ("ecog", "verdict"),
    [
        (1, "The recommendation stays the same"),
        (2, "The recommendation would now differ"),
    ],
)
def test_the_detail_says_like_the_summary_whether_the_recommendation_would_differ(
    ecog: int, verdict: str, reason: str | None
) -> None:
    section = section_of(told(with_facts(decided(reason=reason), ecog=Known(ecog, LATER))), "recommendation")
    assert section is not None
    assert [plain(line) for line in section.lines] == [
        "MDT decided simultaneous resection on 10 Nov 2026 (Observation/mdt)",
        *([f"Reason given: {reason}"] if reason else []),
        verdict,
    ]


def test_a_change_names_its_fact_once() -> None:
    after = with_facts(
        decided(),
        ecog=Known(2, LATER),
        extrahepatic_disease=Known("resectable", LATER),
    )
    section = section_of(told(after), "mdt")
    assert section is not None
    assert [plain(line).partition(" (")[0] for line in section.lines] == [
        "ECOG: 0 → 2",
        "Extrahepatic disease: none → resectable",
    ]


def test_a_next_step_that_would_differ_is_told_though_the_strategy_stays() -> None:
    nodal = told(with_facts(decided("V12", "staged"), primary_pathology=Known("unfavourable-nodal", LATER)))
    assert nodal.summary == (
        "MDT decided staged (liver next) on 10 Nov 2026; changed since: pathology of the primary. "
        "The next step would now differ"
    )
    section = section_of(nodal, "why")
    assert section is not None
    [line] = section.lines
    assert plain(line) == (
        "From the summary now: chemotherapy before the liver, unfavourable primary, restaging at 3 months "
        "(as the MDT decided); on the facts of that day: liver resection before chemotherapy"
    )


@pytest.mark.parametrize(
    ("case", "changed", "told_of", "verdict"),
    [
        (
            decided("V01", "liver-first"),
            {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"},
            "changed since: preoperative cycles, response to chemotherapy",
            "The next step would now differ",
        ),
        (
            decided("V27", "metachronous"),
            {"primary_in_situ": True},
            "a deciding fact changed since",
            "The recommendation would now differ",
        ),
        (
            decided("V27", "metachronous"),
            {"primary_in_situ": True, "primary_symptoms": "obstruction"},
            "2 deciding facts changed since",
            "The recommendation would now differ",
        ),
    ],
)
def test_the_verdict_has_room_on_the_card(case: Case, changed: dict[str, Any], told_of: str, verdict: str) -> None:
    summary = told(with_facts(case, **{code: Known(value, LATER) for code, value in changed.items()})).summary
    assert summary.endswith(f"on 10 Nov 2026; {told_of}. {verdict}")
    assert len(summary) <= SUMMARY_LIMIT


def test_an_open_answer_names_what_would_decide() -> None:
    explanation = told(with_facts(decided(), ecog=Unknown(Gap.CONFLICTING, LATER)))
    section = section_of(explanation, "why")
    assert section is not None
    assert [plain(line) for line in section.lines] == [
        "From the summary it is now open between simultaneous resection, liver first and MDT; ECOG would decide"
    ]


def test_a_treated_liver_leaves_nothing_to_say() -> None:
    case = decided("V12", "staged")
    explanation = told(with_facts(case, liver_state=Known("treated", LATER)))
    section = section_of(explanation, "why")
    assert section is not None
    assert [plain(line) for line in section.lines] == ["Nothing is left to order: primary and liver are treated"]


def test_many_changes_are_counted() -> None:
    case = decided()
    values: dict[str, Any] = {
        "ecog": 1,
        "metastasis_count": 2,
        "largest_metastasis": 20,
        "flr_percent": 60,
        "asa": 3,
        "primary_site": "caecum",
        "metastases_accessible": Narrowed(frozenset({True, False}), LATER),
    }
    changed = {code: found if isinstance(found, Narrowed) else Known(found, LATER) for code, found in values.items()}
    explanation = told(with_facts(case, **changed))
    section = section_of(explanation, "mdt")
    assert section is not None
    assert len(section.lines) == 6
    assert plain(section.lines[-1]).endswith("more facts changed")
    assert " more. The recommendation" in explanation.summary


def test_a_narrowed_value_is_told_as_what_is_left() -> None:
    case = with_facts(decided(), ecog=Narrowed(Interval(1, 2), LATER))
    section = section_of(told(case), "mdt")
    assert section is not None
    assert [plain(line) for line in section.lines] == [
        "ECOG: 0 → 1–2 (18 Nov 2026, Observation/new)"  # noqa: RUF001 - as printed
    ]


def test_what_the_answer_of_now_assumes_is_printed_to_confirm() -> None:
    unrecorded = with_facts(decided(), asa=ABSENT, extrahepatic_disease=ABSENT)
    section = section_of(told(with_facts(unrecorded, ecog=Known(2, LATER))), "assumptions")
    assert section is not None
    assert section.title == "Assumed, please confirm"
    assert [plain(line) for line in section.lines] == ["ASA ≤ 3", "no extrahepatic disease"]


@pytest.mark.parametrize("case", [with_facts(decided(), asa=ABSENT), with_facts(decided(), ecog=Known(2, LATER))])
def test_without_an_answer_of_now_or_an_assumption_nothing_is_to_be_confirmed(case: Case) -> None:
    assert section_of(told(case), "assumptions") is None


@pytest.mark.parametrize(
    ("code", "then", "now", "before", "after"),
    [
        ("ecog", (0, 1), (0, 2), "0 against 1", "0 against 2"),
        (
            "metastasis-count",
            (1, 2, 3, 4, 5),
            (1, 2, 3, 4, 6),
            "1 against 2 against 3 against 4 against 5",
            "1 against 2 against 3 against 4 against 6",
        ),
    ],
)
def test_sources_that_contradict_each_other_anew_are_told_with_all_that_they_say(
    code: str, then: tuple[int, ...], now: tuple[int, ...], before: str, after: str
) -> None:
    case = decided()
    case = decided(facts_then={**case.facts, code: contested(*then)})
    section = section_of(told(with_facts(case, **{code: contested(*now, evidence=LATER)})), "mdt")
    assert section is not None
    name, said = {"ecog": "ECOG", "metastasis-count": "Number of metastases"}[code], "sources contradict each other"
    assert [plain(line) for line in section.lines] == [
        f"{name}: {said}, {before} → {said}, {after} (18 Nov 2026, Observation/new)"
    ]
