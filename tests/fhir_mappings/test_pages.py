"""The pages of one search together: whether they hold all that there is."""

from __future__ import annotations

import pytest

from fhir_mappings.bundle import SourceRead, SourceState, are_partial


def page(matches: int, total: float | None, *, failed: bool = False) -> SourceRead:
    return SourceRead(SourceState.DATA, matches=matches, total=total, failed=failed)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ([], False),
        ([page(2, None)], False),
        ([page(2, None), page(1, 3)], False),
        ([page(2, 3), page(1, None)], False),
        ([page(2, 3), page(1, 3)], False),
        ([page(2, 4), page(1, 4)], True),
        ([page(2, 3), page(1, 4)], True),
        ([page(2, 3.5), page(1, None)], True),
        ([page(0, 1)], True),
        ([page(2, None), page(1, None, failed=True)], True),
        ([page(2, 2, failed=True)], True),
    ],
)
def test_pages_hold_less_than_there_is_where_one_failed_or_the_total_is_not_reached(
    pages: list[SourceRead], *, expected: bool
) -> None:
    assert are_partial(iter(pages)) is expected
    assert are_partial(iter(pages[::-1])) is expected
