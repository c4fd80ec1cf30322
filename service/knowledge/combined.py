"""Two orders that are one combined operation of liver and bowel, and when the second of the two may follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.knowledge.contradiction import waiting_in
from service.knowledge.schedule import weeks_after

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from service.knowledge.order import Order
    from service.knowledge.reading import Reading

BOTH = frozenset({"primary-resection", "liver-resection"})


def partner_of(order: Order, others: Sequence[Order], *, drafted: Collection[str]) -> Order | None:
    """Give the other half of a combined operation: an order of its own kind for both, or another one that day.

    `drafted` are the references of the orders that are drafted together.
    """
    if order.kinds >= BOTH:
        return order
    wanted = BOTH - order.kinds
    for other in others:
        if wanted <= other.kinds and _same_day(order, other, together=other.reference in drafted):
            return other
    return None


def _same_day(order: Order, other: Order, *, together: bool) -> bool:
    """Whether both may be for one day; orders drafted together without a day are."""
    if order.dated is None or other.dated is None:
        return together
    return order.dated.first <= other.dated.last and other.dated.first <= order.dated.last


def on_one_day(order: Order, partner: Order) -> bool:
    """Whether the halves of a combined operation are for one day without any doubt: the same, or none named.

    Halves that name days, and not longer times, name the same.
    """
    return all(dated is None or dated.is_day for dated in (order.dated, partner.dated))


def second_operation(reading: Reading, order: Order, partner: Order, next_steps: Sequence[str]) -> date | None:
    """Give the first day for the operation that comes second, where next steps and the day of the first one say it.

    From a day that has passed nothing is counted: whether that operation was done, its order does not say.
    """
    if partner.dated is None or partner.reference == order.reference or partner.dated.last < reading.case.as_of:
        return None
    match waiting_in([reading.guideline.next_steps[step] for step in next_steps]):
        case "primary-resection" if "primary-resection" in order.kinds:
            weeks = reading.number("liver_to_primary_minimum_weeks")
        case "liver-resection" if "liver-resection" in order.kinds and reading.in_situ:
            weeks = reading.number("primary_to_liver_minimum_weeks")
        case _:
            return None
    return weeks_after(partner.dated.last, weeks)
