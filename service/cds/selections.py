"""Which of the drafted orders the user has just selected, in all the ways in which clients name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.references import referred

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_mappings.orders import ReadOrder


def chosen(selections: Iterable[str], orders: Iterable[ReadOrder], names: Sequence[Sequence[str]]) -> frozenset[str]:
    """Give the references of the selected orders.

    A selection is `Type/id`, alone, with a version or behind the address of a server; a bare id; or another of the
    `names` of the draft, which are in the order of the drafts: the `fullUrl` of its entry, which is all that a draft
    without an id has, and what the group is called that it is contained in.
    """
    wanted = {name for selection in selections for name in _names(selection)}
    return frozenset(order.reference for order in orders if not wanted.isdisjoint(_called(order, names)))


def _names(selection: str) -> tuple[str, str]:
    return selection, referred(selection, "").removeprefix("/")


def _called(order: ReadOrder, names: Sequence[Sequence[str]]) -> set[str]:
    others = names[order.place - 1] if order.place <= len(names) else ()
    return {order.reference, order.reference.rpartition("/")[2], *others}
