"""Which resections a next step has no room for, and when a second order makes room for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

from fhir_mappings.case import add_months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.knowledge.order import Order
    from service.knowledge.reading import Reading

Resection: TypeAlias = Literal["primary-resection", "liver-resection"]
RESECTIONS: tuple[Resection, ...] = ("primary-resection", "liver-resection")

# What each strategy of the MDT means where it names no next step.
ORDINARY: dict[str, tuple[str, ...]] = {
    "staged": ("staged",),
    "liver-first": ("liver-resection-or-ablation-then-primary",),
    "simultaneous": ("liver-centre-discussion",),
    "systemic-first": ("reassess-resectability",),
    "metachronous": ("upfront-hepatectomy",),
    "mdt": (),
}
_LIVER_WAITS_FOR_PRIMARY = frozenset(
    {
        "staged",
        "refer-hpb-after-recovery",
        "liver-about-2-months-after-recovery",
    }
)
_PRIMARY_WAITS_FOR_LIVER = frozenset(
    {
        "liver-resection-or-ablation-then-primary",
        "liver-surgery-in-radiotherapy-interval",
        "resect-now-no-more-chemotherapy",
    }
)
# The liver waits for chemotherapy of so many months.
_MONTHS_BEFORE_LIVER: dict[str, str] = {
    "chemotherapy-then-restage-3-months": "restaging_months",
    "chemotherapy-before-resection": "perioperative_months_each",
    "perioperative-folfox-3-3": "perioperative_months_each",
}
_NO_RESECTION = frozenset(
    {
        "no-elective-surgery",
        "reassess-resectability",
        "chemotherapy-then-reassess",
        "multi-site-disease",
        "second-line",
        "recurrence-outside-the-summary",
    }
)
_NO_LIVER_RESECTION = frozenset(
    {
        "incomplete-resection-of-primary",
        "relief-then-mdt",
        "systemic-after-relief",
        "secure-primary-before-systemic",
    }
)


def contradicts(
    next_steps: tuple[str, ...], kind: Resection, others: Sequence[Order], order: Order, reading: Reading
) -> bool:
    """Whether a resection has no room in any of these next steps; in none at all, everything has room.

    A resection that waits for the other one has room where that is done, or ordered for an earlier day; one that waits
    for chemotherapy where it is ordered for after that. What cannot wait is never contradicted for the primary.
    """
    if kind == "primary-resection" and (not order.elective or reading.resected):
        return False
    return bool(next_steps) and all(_has_no_room(step, kind, others, order, reading) for step in next_steps)


def waiting_in(next_steps: Sequence[str]) -> Resection | None:
    """Give the resection that waits for the other one, and for nothing else, in each of these next steps."""
    steps = set(next_steps)
    if not steps:
        return None
    if steps <= _LIVER_WAITS_FOR_PRIMARY:
        return "liver-resection"
    return "primary-resection" if steps <= _PRIMARY_WAITS_FOR_LIVER else None


def _has_no_room(step: str, kind: Resection, others: Sequence[Order], order: Order, reading: Reading) -> bool:
    if step in _NO_RESECTION:
        return True
    if kind == "primary-resection":
        waits = step in _PRIMARY_WAITS_FOR_LIVER and not reading.holds("liver-state", "treated")
        return waits and not _earlier(others, "liver-resection", order, reading)
    if step in _NO_LIVER_RESECTION:
        return True
    if step in _LIVER_WAITS_FOR_PRIMARY:
        return not reading.resected and not _earlier(others, "primary-resection", order, reading)
    months = _MONTHS_BEFORE_LIVER.get(step)
    return months is not None and not _after_chemotherapy(order, reading, months)


def _earlier(others: Sequence[Order], kind: Resection, order: Order, reading: Reading) -> bool:
    """Whether an order of this kind is certainly for an earlier day that is still to come.

    An operation that was ordered for a day that has passed is done where the chart says so, and not by its order.
    """
    if order.dated is None:
        return False
    days = [other.dated for other in others if kind in other.kinds and other.dated is not None]
    return any(reading.case.as_of <= day.last < order.dated.first for day in days)


def _after_chemotherapy(order: Order, reading: Reading, parameter: str) -> bool:
    """Whether the order is for a day that leaves time for the months of chemotherapy, give or take two weeks."""
    if order.dated is None:
        return False
    months = int(reading.number(parameter))
    return order.dated.first >= add_months(reading.case.as_of, months) - timedelta(weeks=2)
