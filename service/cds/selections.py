"""Which of the drafted orders the user has just selected, in all the ways in which clients name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.references import referred

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_mappings.orders import ReadOrder


def chosen(selections: Iterable[str], orders: Iterable[ReadOrder], full_urls: Sequence[str | None]) -> frozenset[str]:
    """Give the references of the selected orders.

    A selection is `Type/id`, alone, with a version or behind the address of a server; a bare id; or the `fullUrl` of
    the draft's entry, which is all that a draft without an id has. `full_urls` are in the order of the drafts.
    """
    wanted = {name for selection in selections for name in _names(selection)}
    return frozenset(order.reference for order in orders if not wanted.isdisjoint(_called(order, full_urls)))


def _names(selection: str) -> tuple[str, str]:
    return selection, referred(selection, "").removeprefix("/")


def _called(order: ReadOrder, full_urls: Sequence[str | None]) -> set[str]:
    called = {order.reference, order.reference.rpartition("/")[2]}
    full_url = full_urls[order.place - 1] if order.place <= len(full_urls) else None
    return called | {full_url} if full_url else called
