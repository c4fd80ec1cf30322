from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from service.adapters.store.database import Database
from service.adapters.store.feedback import StoredFeedback
from service.adapters.store.issued_cards import IssuedCards, SeenTreatment
from service.adapters.store.mdt_decisions import MdtDecision, StoredMdtDecisions
from service.adapters.store.migrate import migrate
from service.cds.overrides import NON_ADHERENCE_SYSTEM, OVERRIDE_SYSTEM
from tests.adapters.store.cards import ISSUER, MONDAY, card, entry
from tests.checked_client import CheckedClient
from tests.demo.axe_core import violations
from tests.demo.browsing import chromium, watched
from tests.hooks.serving import app_of
from tests.loopback import running_at

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

KEY = "a report key of thirty-two letters"
HERE = {"host": "127.0.0.1:8080"}
TRIAL = "http://127.0.0.1:8080"
HOSTILE = "<script>alert(1)</script>"


async def fill(folder: Path) -> None:
    """Leave a store behind that was used for three weeks."""
    database = Database(f"sqlite:///{folder / 'store.sqlite3'}")
    migrate(database)
    cards = IssuedCards(database)
    cards.put(
        [
            card(1),
            card(2, advisories=("no-biopsy",)),
            card(3, strategy="staged", rows=("A13",), issued_at=MONDAY + timedelta(days=16)),
            card(4, strategy="undetermined", rows=(), missing=("ecog",), issued_at=MONDAY + timedelta(days=16)),
            card(5, silent=True),
        ]
    )
    await cards.flush()
    kept = StoredFeedback(database, clock=lambda: MONDAY)
    feedback = (entry(1), entry(2), entry(3, "overridden", reason_system="urn:x", reason_code=HOSTILE), entry(99))
    await kept.keep(feedback, service="crlm-patient-view", issuer=ISSUER)
    database.close()


async def page(
    folder: Path,
    path: str = "/feedback",
    *,
    headers: dict[str, str] | dict[bytes, bytes] | None = None,
    **settings: Any,
) -> httpx.Response:
    async with CheckedClient(app_of(folder, **{"public_base_url": TRIAL, **settings})) as client:
        return await client.request("GET", path, headers=HERE if headers is None else headers)


def texts(answer: httpx.Response) -> list[str]:
    """Give the rows of all tables as texts."""
    rows = answer.text.split("<tr>")[1:]
    cut = [row.partition("</tr>")[0].replace("</th>", " ").replace("</td>", " ") for row in rows]
    plain = []
    for row in cut:
        said = row
        while "<" in said:
            before, _, rest = said.partition("<")
            said = before + rest.partition(">")[2]
        plain.append(" ".join(said.split()))
    return plain


async def test_the_page_tells_what_became_of_the_cards(tmp_path: Path) -> None:
    await fill(tmp_path)
    answer = await page(tmp_path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    assert "style-src 'self'" in answer.headers["content-security-policy"]
    assert [row for row in texts(answer) if not row.startswith(("Of ", "Reason ", "Fact "))] == [
        "Liver first 2 2 0 0 100 %",
        "Staged, primary first 1 0 1 0 0 %",
        "Undetermined 1 0 0 1 -",
        "A12b 2 2 0 0 100 %",
        "A13 1 0 1 0 0 %",
        "no-biopsy 1 1 0 0 100 %",
        "crlm-summary-2025 1.0.0 (default) 4 2 1 1 67 %",
        "2026-11-02 2 2 0 0 100 %",
        "2026-11-09 0 0 0 0 -",
        "2026-11-16 2 0 1 1 0 %",
        "&lt;script&gt;alert(1)&lt;/script&gt; urn:x 1",
        "ECOG performance status 1 100 %",
    ]
    assert "<title>Week of 2026-11-02: 2 accepted, 0 overridden, 0 unanswered</title>" in answer.text
    assert HOSTILE not in answer.text


async def test_the_page_tells_what_was_done_later_and_what_left_answers_open(tmp_path: Path) -> None:
    await fill(tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    queue = IssuedCards(database)
    queue.put(
        [
            card(6, subject="anna", silent=True),
            card(7, subject="berta", strategy="undetermined", silent=True, missing=("asa",)),
            SeenTreatment("anna", "liver-operation", MONDAY + timedelta(days=9)),
        ]
    )
    await queue.flush()
    database.close()
    answer = await page(tmp_path)
    rows = texts(answer)
    assert rows[-9:] == [
        "Fact Count Of the open answers",
        "ASA physical status class 1 50 %",
        "ECOG performance status 1 50 %",
        "Recommended Patients MDT decided so Otherwise Done next",
        "Liver first 1 0 0 liver operation 1",
        "Undetermined 1 0 0 nothing yet 1",
        "Recommended MDT decided Done Patients",
        "Liver first not recorded liver operation 1",
        "Undetermined not recorded nothing yet 1",
    ]
    assert "2 of 7 answers to an opened chart left the strategy open." in answer.text


async def test_reasons_are_called_what_cards_and_the_app_call_them(tmp_path: Path) -> None:
    await fill(tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    feedback = (
        entry(1, "overridden", reason_system=OVERRIDE_SYSTEM, reason_code="patient-preference"),
        entry(2, "overridden", reason_system=NON_ADHERENCE_SYSTEM, reason_code="expert-contradicts"),
        entry(4, "overridden"),
    )
    await StoredFeedback(database, clock=lambda: MONDAY).keep(feedback, service="crlm-patient-view", issuer=ISSUER)
    await StoredMdtDecisions(database).record(
        MdtDecision(
            issuer=ISSUER, card=None, recommended="liver-first", decided="staged", agreed=False, reason="not-fit",
            rows=("A12b",), knowledge_id="k", knowledge_version="1", policy="default", recorded_at=MONDAY,
        )
    )  # fmt: skip
    database.close()
    rows = texts(await page(tmp_path))
    at = rows.index("Reason System Cards") + 1
    assert sorted(rows[at : at + 4]) == [
        "&lt;script&gt;alert(1)&lt;/script&gt; urn:x 1",
        "Expert judgement contradicts the advice http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes 1",
        "No coded reason 1",
        "The patient declines or prefers another treatment https://crlm-cds.example/fhir/CodeSystem/override-reason 1",
    ]
    assert "The patient is not fit for it 1" in rows


async def test_somebody_at_a_browser_is_refused_in_words(tmp_path: Path) -> None:
    async with CheckedClient(app_of(tmp_path, public_base_url="https://cds.example.org")) as client:
        refused = await client.get("/feedback", headers={"accept": "text/html"})
    assert refused.status_code == 403
    assert "<p>" not in refused.text
    assert "<h1>The page needs CRLM_REPORT_KEY; on the machine of the service" in refused.text


async def test_requests_to_the_page_are_counted(tmp_path: Path) -> None:
    async with CheckedClient(app_of(tmp_path, public_base_url="https://cds.example.org")) as client:
        await client.get("/feedback")
        text = (await client.get("/metrics")).text
    assert 'crlm_page_seconds_count{page="/feedback",status="403"} 1.0' in text.splitlines()


async def test_the_page_shows_the_days_that_are_asked_for(tmp_path: Path) -> None:
    await fill(tmp_path)
    answer = await page(tmp_path, "/feedback?since=2026-11-09&until=2026-12-01")
    assert "Liver first" not in answer.text
    assert 'name="since" value="2026-11-09"' in answer.text
    empty = await page(tmp_path, "/feedback?since=2027-01-01")
    assert "No card was issued in this time." in empty.text


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", HOSTILE])
async def test_a_day_that_is_none_is_refused(tmp_path: Path, day: str) -> None:
    answer = await page(tmp_path, f"/feedback?since={day}")
    assert (answer.status_code, answer.json()["issue"]) == (
        400,
        [
            {
                "severity": "error",
                "code": "invalid",
                "details": {"text": "The report cannot be made for this time"},
                "diagnostics": "since must be a day like 2026-11-23",
                "expression": ["since"],
            }
        ],
    )


async def test_a_store_that_is_down_is_503(tmp_path: Path) -> None:
    answer = await page(tmp_path)
    assert answer.status_code == 503


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "cds.example.org"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "evil.example:8080"},
        {"host": "["},
        {**HERE, "x-forwarded-for": "127.0.0.1"},
        {**HERE, "forwarded": "for=127.0.0.1"},
        {**HERE, "via": "1.1 proxy"},
        {**HERE, "x-real-ip": "127.0.0.1"},
    ],
    ids=str,
)
async def test_without_a_key_the_page_is_for_trials_on_this_machine_alone(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    await fill(tmp_path)
    assert (await page(tmp_path, headers=headers)).status_code == 403


async def test_without_a_key_a_service_that_others_reach_shows_it_to_nobody(tmp_path: Path) -> None:
    await fill(tmp_path)
    # A proxy beside the service: the connection and the name are loopback, the reader need not be.
    assert (await page(tmp_path, public_base_url="https://cds.example.org")).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:8080", "[::1]:8080"])
async def test_this_machine_is_known_by_any_of_its_names(tmp_path: Path, host: str) -> None:
    await fill(tmp_path)
    assert (await page(tmp_path, headers={"host": host})).status_code == 200


def basic(password: str, user: str = "anyone") -> dict[str, str]:
    return {
        "host": "cds.example.org",
        "authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(),
    }


async def test_with_a_key_whoever_knows_it_sees_the_page_from_anywhere(tmp_path: Path) -> None:
    await fill(tmp_path)
    assert (await page(tmp_path, headers=basic(KEY), report_key=KEY)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [HERE, basic(""), basic(KEY[:-1]), basic(KEY + "x"), basic("x", KEY), {"authorization": f"Bearer {KEY}"},
     {"authorization": "Basic %%%"}, {"authorization": "Basic /w=="}, {b"authorization": b"Basic \xe9"}],
    ids=str,
)  # fmt: skip
async def test_with_a_key_nobody_else_sees_the_page_not_even_on_this_machine(
    tmp_path: Path, headers: dict[str, str] | dict[bytes, bytes]
) -> None:
    await fill(tmp_path)
    answer = await page(tmp_path, headers=headers, report_key=KEY)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Basic realm="feedback report", charset="UTF-8"',
    )


@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_accessible_and_asks_nobody_else(tmp_path: Path, width: int) -> None:
    import asyncio  # noqa: PLC0415  the browser's own loop must not run inside another

    asyncio.run(fill(tmp_path))
    with (
        running_at(lambda base: app_of(tmp_path, public_base_url=base)) as url,
        chromium() as browser,
        watched(browser, url, width=width) as seen,
    ):
        seen.page.goto("/feedback")
        assert seen.page.title() == "Feedback report"
        assert violations(seen.page) == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        seen.page.get_by_label("Issued from").fill("2026-11-09")
        seen.page.get_by_role("button", name="Show").click()
        assert seen.page.get_by_role("row").filter(has_text="Liver first").count() == 0
        assert violations(seen.page) == []
