"""Which resections a next step has no room for, and when a second order makes room for them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from fhir_mappings.case import add_months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.knowledge.model import NextStep
    from service.knowledge.order import Order
    from service.knowledge.reading import Reading

Resection: TypeAlias = Literal["primary-resection", "liver-resection"]
RESECTIONS: tuple[Resection, ...] = ("primary-resection", "liver-resection")

# What each strategy of the MDT means where it names no next step.
ORDINARY: dict[str, tuple[str, ...]] = {
    "staged": ("liver-about-2-months-after-recovery",),
    "liver-first": ("liver-resection-or-ablation-then-primary",),
    "simultaneous": ("liver-centre-discussion",),
    "systemic-first": ("reassess-resectability",),
    "metachronous": ("upfront-hepatectomy",),
    "mdt": (),
}


def contradicts(
    next_steps: tuple[str, ...], kind: Resection, others: Sequence[Order], order: Order, reading: Reading
) -> bool:
    """Whether a resection has no room in any of these next steps; in none at all, everything has room.

    A resection that waits for the other one has room where that is done, or ordered for an earlier day; one that waits
    for chemotherapy where it is ordered for after that. What cannot wait is never contradicted for the primary.
    """
    if kind == "primary-resection" and (not order.elective or reading.resected):
        return False
    steps = [reading.guideline.next_steps[step] for step in next_steps]
    return bool(steps) and all(_has_no_room(step, kind, others, order, reading) for step in steps)


def waiting_in(next_steps: Sequence[NextStep]) -> Resection | None:
    """Give the resection that waits for the other one, and for nothing else, in each of these next steps."""
    if not next_steps:
        return None
    if all(step.liver == "after-primary" for step in next_steps):
        return "liver-resection"
    return "primary-resection" if all(step.primary == "after-liver" for step in next_steps) else None


def _has_no_room(step: NextStep, kind: Resection, others: Sequence[Order], order: Order, reading: Reading) -> bool:
    match step.primary if kind == "primary-resection" else step.liver:
        case "now":
            return False
        case "after-primary":
            return not reading.resected and not _earlier(others, "primary-resection", order, reading)
        case "after-liver":
            treated = reading.holds("liver-state", "treated")
            return not treated and not _earlier(others, "liver-resection", order, reading)
        case "after-chemotherapy":
            return not _after_chemotherapy(order, reading, step.chemotherapy_months or "")
        case "not-now":
            return True
        case room:
            assert_never(room)


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
