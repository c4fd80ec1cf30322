"""A chart whose resources have ids that nobody reads stays one that can be read."""

from __future__ import annotations

import html
import re
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.charts import ATC, dose
from tests.review.cases_charts import OPEN
from tests.review.visits import charted
from tests.smart.harness import launch

if TYPE_CHECKING:
    import httpx

    from tests.review.harness import ReviewHarness

DOSES = [f"MedicationAdministration/{UUID(int=number)}" for number in range(1, 7)]


def treated() -> ReviewHarness:
    """Give a chart with six cycles, whose administrations have UUIDs."""
    more = {"liver-metastasis-date": date(2026, 7, 20), "chemotherapy-response": "partial-response", "ecog": 1}
    harness = charted({**OPEN, **more, "hepatectomy-extent": "major", "flr-percent": 45})
    days = ("2026-08-03", "2026-08-17", "2026-08-31", "2026-09-14", "2026-09-28", "2026-10-12")
    given = (
        dose(reference.partition("/")[2], (ATC, "L01XA03"), on=day, patient_id="p1")
        for reference, day in zip(DOSES, days, strict=True)
    )
    harness.fhir.add(*given)
    return harness


@pytest.fixture
async def pages() -> tuple[httpx.Response, httpx.Response]:
    """Open the review and its summary."""
    harness = treated()
    async with harness.browser() as browser:
        await launch(browser, harness.ehr)
        return await browser.get("/review"), await browser.get("/review/summary")


def part(response: httpx.Response, name: str) -> str:
    return response.text.partition(f'id="{name}"')[2].partition("</section>\n\n")[0]


def test_the_answer_names_a_few_and_the_table_of_facts_all(pages: tuple[httpx.Response, httpx.Response]) -> None:
    review, _ = pages
    answer, facts = part(review, "answer"), part(review, "facts")
    assert "<code>MedicationAdministration/000000…0001</code>, " in answer
    assert re.search(r"6 cycles of chemotherapy, partial response .*, 4 more\)", re.sub(r"<[^>]+>", "", answer))
    assert [reference for reference in DOSES if reference in answer] == []
    assert [reference for reference in DOSES if reference in facts] == DOSES


def test_the_summary_names_a_few_on_paper_and_as_text(pages: tuple[httpx.Response, httpx.Response]) -> None:
    _, summary = pages
    found = re.search(r'<textarea id="summary-text"[^>]*>(.*?)</textarea>', summary.text, re.DOTALL)
    assert found is not None
    (fact,) = (line for line in html.unescape(found[1]).splitlines() if line.startswith("- Preoperative"))
    assert fact == (
        "- Preoperative chemotherapy cycles: 6 (16 Nov 2026, Observation/local-chemotherapy-response, "
        f"{DOSES[0]}, {DOSES[1]}, 4 more)"
    )
    assert DOSES[5] not in re.sub(r"- Last chemotherapy.*", "", html.unescape(found[1]))
