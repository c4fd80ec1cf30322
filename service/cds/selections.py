"""Which of the drafted orders the user has just selected, in all the ways in which clients name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhir_mappings.read.references import referred
from service.cds.drafts import pointed_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fhir_mappings.orders import ReadOrder


def chosen(
    selections: Iterable[str],
    orders: Iterable[ReadOrder],
    names: Sequence[Sequence[str]],
    drafts: Sequence[object] = (),
) -> frozenset[str]:
    """Give the references of the selected orders.

    A selection is `Type/id`, alone, with a version or behind the address of a server; a bare id; or another of the
    `names` of the draft, which are in the order of the `drafts`: the `fullUrl` of its entry, which is all that a draft
    without an id has, and what the group is called that it is contained in. Who selects a group selects the orders that
    it points to.
    """
    wanted = _with_groups(selections, drafts, names)
    return frozenset(
        order.reference for order in orders if not wanted.isdisjoint(_called(order.reference, order.place, names))
    )


def _with_groups(selections: Iterable[str], drafts: Sequence[object], names: Sequence[Sequence[str]]) -> set[str]:
    """Give all that the selections are called, and what is called so that the groups among them point to."""
    groups: dict[str, list[tuple[str, ...]]] = {}
    for place, draft in enumerate(drafts, start=1):
        if isinstance(draft, dict) and (pointed := tuple(pointed_to(draft))):
            kind, ident = draft["resourceType"], draft.get("id")
            reference = f"{kind}/{ident}" if isinstance(ident, str) else f"{kind}, draft {place}"
            for name in _called(reference, place, names):
                groups.setdefault(name, []).append(pointed)
    found: set[str] = set()
    waiting = [*selections]
    while waiting:
        for name in _names(waiting.pop()):
            found.add(name)
            for pointed in groups.pop(name, ()):
                waiting += pointed
    return found


def _names(selection: str) -> tuple[str, str]:
    return selection, referred(selection, "").removeprefix("/")


def _called(reference: str, place: int, names: Sequence[Sequence[str]]) -> set[str]:
    others = names[place - 1] if place <= len(names) else ()
    return {reference, reference.rpartition("/")[2], *others}
