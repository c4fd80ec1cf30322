"""Each duty of a CDS service has a test, and the page says which."""

from __future__ import annotations

from tests.duties import KEPT, NOT_OURS
from tests.traceability import PAGE, page, proofs


def test_every_duty_is_either_kept_or_somebody_elses() -> None:
    assert sorted([*KEPT, *NOT_OURS]) == list(range(1, 87))


def test_every_duty_that_is_kept_has_a_test_and_no_other_number_is_marked() -> None:
    assert proofs().keys() == KEPT.keys()


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.traceability"
