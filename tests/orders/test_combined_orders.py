"""What is offered where liver and bowel are ordered together and must not be operated on together."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fhir_mappings.case import PartialDate
from service.knowledge.contradiction import waiting_in
from service.knowledge.guideline import load_guideline
from service.knowledge.phrases import day as shown_day
from tests.decided import by_mdt, example, recorded, with_facts
from tests.orders.drafts import CPT, DAY, cards, colectomy, found, hepatectomy

if TYPE_CHECKING:
    from fhir_mappings.case import Case

LATER = PartialDate(date(2026, 11, 18), date(2026, 11, 18))
OBSTRUCTED_SINCE = recorded("primary-symptoms", "obstruction", LATER)
AWAY, HEPATOBILIARY = "Remove this draft order", "Refer to the hepatobiliary unit"


def offered(case: Case, *drafts: dict[str, Any], of: str) -> list[tuple[str, bool]]:
    """Give what the critical card of one order offers, and whether it is recommended."""
    found = [card for card in cards(case, *drafts, selections=[of]) if card["indicator"] == "critical"]
    return [(one["label"], one.get("isRecommended", False)) for one in found[0]["suggestions"]]


@pytest.mark.parametrize("on", [None, DAY])
@pytest.mark.parametrize(
    ("case", "first"),
    [
        (example("V01"), "liver"),
        (example("V08"), "bowel"),
        (example("V01", impending_complication=True, r0_achievable=False), "bowel"),
        (by_mdt(example("V01"), "staged"), "bowel"),
        (by_mdt(example("V08"), "liver-first"), "liver"),
        (with_facts(by_mdt(example("V01"), "liver-first"), primary_symptoms=OBSTRUCTED_SINCE), "bowel"),
    ],
)
def test_what_comes_first_is_never_recommended_to_go(case: Case, first: str, on: str | None) -> None:
    assert offered(case, hepatectomy(on), colectomy(on), of=first) == [(HEPATOBILIARY, False), (AWAY, False)]


@pytest.mark.parametrize("of", ["liver", "bowel"])
def test_neither_order_is_recommended_to_go_while_the_strategy_is_open(of: str) -> None:
    drafts = hepatectomy(DAY), colectomy(DAY)
    assert offered(example("V36"), *drafts, of=of) == [(HEPATOBILIARY, False), (AWAY, False)]


@pytest.mark.parametrize(
    ("case", "of"),
    [
        (example("V01"), "bowel"),
        (example("V08"), "liver"),
        (by_mdt(example("V01"), "staged"), "liver"),
        (example("V01", ecog=4), "liver"),
        (example("V01", ecog=4), "bowel"),
    ],
)
def test_what_has_to_wait_is_recommended_to_go_where_no_day_tells_until_when(case: Case, of: str) -> None:
    assert offered(case, hepatectomy(), colectomy(), of=of) == [(AWAY, True), (HEPATOBILIARY, False)]


def test_one_order_for_both_operations_is_recommended_to_go() -> None:
    both = hepatectomy(code={"coding": [{"system": CPT, "code": "47130"}, {"system": CPT, "code": "44145"}]})
    assert offered(example("V01"), both, of="liver") == [(AWAY, True), (HEPATOBILIARY, False)]
    detail = cards(example("V01"), both)[0]["detail"]
    assert "- This one order stands for liver and bowel\n" in detail
    assert "Order: Resection of the primary and liver operation (ServiceRequest/liver)" in detail


@pytest.mark.parametrize(
    ("case", "of", "until"),
    [
        (example("V01"), "bowel", "29 Dec 2026"),
        (example("V08"), "liver", "12 Jan 2027"),
        (by_mdt(example("V01"), "staged"), "liver", "12 Jan 2027"),
    ],
)
def test_what_comes_second_is_postponed_by_the_strategy_that_holds(case: Case, of: str, until: str) -> None:
    found = offered(case, hepatectomy(DAY), colectomy(DAY), of=of)
    assert found == [(f"Postpone to {until}", True), (AWAY, False)]


@pytest.mark.parametrize(
    "case",
    [
        example("V08", r0_achievable=False),
        example("V08", ecog=3),
        example("V09", hepatectomy_extent="major"),
    ],
    ids=["systemic-after-relief", "relief-then-mdt", "chemotherapy-then-restage-3-months"],
)
def test_a_liver_that_has_no_room_after_the_primary_either_is_not_postponed(case: Case) -> None:
    assert offered(case, hepatectomy(DAY), colectomy(DAY), of="liver") == [(AWAY, True), (HEPATOBILIARY, False)]


DECEMBER: dict[str, Any] = {"occurrencePeriod": {"start": "2026-12-01", "end": "2026-12-31"}}


def test_a_day_within_the_period_of_the_other_order_may_be_the_same_and_is_no_later_one() -> None:
    (critical, differs) = cards(example("V01"), hepatectomy(**DECEMBER), colectomy("2026-12-10"), selections=["bowel"])
    assert "- Liver and bowel may be operated on together; other order (ServiceRequest/liver)" in critical["detail"]
    assert differs["source"]["topic"]["code"] == "strategy-differs"


def test_a_day_after_the_period_of_the_other_order_is_a_later_one() -> None:
    assert cards(example("V01"), hepatectomy(**DECEMBER), colectomy("2027-01-10")) == []


def test_two_days_of_a_timing_are_both_days_of_an_order() -> None:
    days: dict[str, Any] = {"occurrenceTiming": {"event": ["2026-12-01", "2026-12-08"]}}
    (critical, *_) = cards(example("V01"), hepatectomy(**days), colectomy("2026-12-08"), selections=["bowel"])
    assert "- Liver and bowel may be operated on together; other order (ServiceRequest/liver)" in critical["detail"]


def test_the_end_of_a_period_alone_is_no_day_of_an_operation() -> None:
    ends: dict[str, Any] = {"occurrencePeriod": {"end": "2026-12-10"}}
    assert [card["indicator"] for card in cards(example("V08"), hepatectomy(**ends))] == ["warning"]
    assert offered(example("V01"), hepatectomy(**ends), colectomy("2026-12-10"), of="bowel") == [
        (AWAY, True),
        (HEPATOBILIARY, False),
    ]


@pytest.mark.parametrize(("case", "of"), [(example("V01"), "bowel"), (example("V08"), "liver")])
def test_a_period_to_the_end_of_time_is_answered(case: Case, of: str) -> None:
    endless: dict[str, Any] = {"occurrencePeriod": {"start": "2026-11-30", "end": "9999-12-31"}}
    drafts = (hepatectomy(**endless), colectomy(DAY)) if of == "bowel" else (hepatectomy(DAY), colectomy(**endless))
    assert offered(case, *drafts, of=of) == [("Postpone to 31 Dec 9999", True), (AWAY, False)]


@pytest.mark.parametrize(("case", "of"), [(example("V01"), "bowel"), (example("V08"), "liver")])
def test_no_order_is_postponed_from_a_day_that_has_passed(case: Case, of: str) -> None:
    assert offered(case, hepatectomy("2026-05-01"), colectomy("2026-05-01"), of=of) == [
        (AWAY, True),
        (HEPATOBILIARY, False),
    ]


@pytest.mark.parametrize(
    ("liver", "bowel", "certainly"),
    [(DAY, DAY, "would"), (None, None, "would"), (DAY, None, "would"), ("2026-12", "2026-12", "may")],
)
def test_two_orders_of_one_day_or_of_none_would_be_done_together(
    liver: str | None, bowel: str | None, certainly: str
) -> None:
    (critical, *_) = cards(example("V01"), hepatectomy(liver), colectomy(bowel), selections=["bowel"])
    words = f"- Liver and bowel {certainly} be operated on together; other order (ServiceRequest/liver)"
    assert words in critical["detail"].splitlines()


@pytest.mark.parametrize(("case", "of"), [(example("V01"), "bowel"), (example("V08"), "liver")])
def test_an_order_is_postponed_from_the_day_of_today(case: Case, of: str) -> None:
    today, least = case.as_of, 4 if of == "bowel" else 6
    found = offered(case, hepatectomy(str(today)), colectomy(str(today)), of=of)
    assert found == [(f"Postpone to {shown_day(today + timedelta(weeks=least))}", True), (AWAY, False)]


@pytest.mark.parametrize(
    ("next_steps", "waits"),
    [
        (("refer-hpb-after-recovery", "liver-about-2-months-after-recovery"), "liver-resection"),
        (
            (
                "liver-resection-or-ablation-then-primary",
                "liver-surgery-in-radiotherapy-interval",
                "resect-now-no-more-chemotherapy",
            ),
            "primary-resection",
        ),
        (("refer-hpb-after-recovery", "liver-resection-or-ablation-then-primary"), None),
        (("refer-hpb-after-recovery", "no-elective-surgery"), None),
        ((), None),
    ],
)
def test_one_operation_waits_for_the_other_where_every_next_step_says_so(
    next_steps: tuple[str, ...], waits: str | None
) -> None:
    assert waiting_in([load_guideline().next_steps[step] for step in next_steps]) == waits


@pytest.mark.parametrize(
    ("replacing", "where", "expected"),
    [
        ({}, "draft", True),
        ({"replaces": [{"reference": "ServiceRequest/old"}]}, "draft", False),
        ({"replaces": {"reference": "https://ehr.example.org/fhir/ServiceRequest/old/_history/2"}}, "draft", False),
        ({"replaces": [{"reference": "ServiceRequest/old"}], "status": None}, "draft", False),
        ({"replaces": [{"reference": "ServiceRequest/old"}], "status": "revoked"}, "draft", True),
        ({"replaces": [{"reference": "ServiceRequest/old"}], "code": {"text": "Port"}}, "draft", False),
        ({"replaces": [{"reference": "ServiceRequest/old"}], "status": "active"}, "record", False),
        ({"replaces": [{"reference": "ServiceRequest/older"}]}, "draft", True),
        ({"replaces": ["ServiceRequest/old", None]}, "draft", True),
    ],
)
def test_an_order_that_is_replaced_stands_no_more_for_the_day(
    replacing: dict[str, Any], where: str, *, expected: bool
) -> None:
    old = colectomy(DAY, id="old", status="active")
    new = colectomy("2027-02-20", id="new") | replacing
    drafts, record = ([new], [old]) if where == "draft" else ([], [old, new])
    codes = [code for code, _ in found(example("V01"), hepatectomy(DAY), *drafts, record=record, selections=["liver"])]
    assert ("no-simultaneous-major-liver" in codes) is expected
