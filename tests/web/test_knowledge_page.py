from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from service.web.knowledge_page import knowledge_routes
from tests.checked_client import CheckedClient, small_app
from tests.demo.axe_core import violations
from tests.demo.browsing import chromium, watched
from tests.hooks.serving import app_of
from tests.loopback import running_at
from tests.web.plain_page import Page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from service.knowledge.model import Guideline
    from service.settings import Settings


@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_is_accessible_fits_a_telephone_and_asks_for_nothing_that_is_not_there(
    tmp_path: Path, width: int
) -> None:
    with (
        running_at(lambda base: app_of(tmp_path, public_base_url=base)) as url,
        chromium() as browser,
        watched(browser, url, width=width) as seen,
    ):
        seen.page.goto("/knowledge")
        assert violations(seen.page) == []
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


SAID = {
    "prefer_simultaneous_when_eligible": "yes",
    "simultaneous_maximum_nodules": "3",
    "simultaneous_maximum_diameter_mm": "30 mm",
    "synchronous_maximum_months": "4 months",
    "short_interval_months": "12 months",
    "staging_window_days": "30 days",
    "primary_to_liver_minimum_weeks": "6 weeks",
}


def client_of(settings: Settings, guideline: Guideline) -> CheckedClient:
    page = knowledge_routes(guideline, load_catalogue())
    templates = {"patient": "Patient/{{context.patientId}}"}
    return CheckedClient(small_app(settings, templates=templates, pages=[page]))


@pytest.fixture
async def knowledge(settings: Settings) -> AsyncIterator[CheckedClient]:
    async with client_of(settings, load_guideline()) as found:
        yield found


async def test_every_row_advisory_parameter_statement_and_source_has_its_anchor(knowledge: CheckedClient) -> None:
    answer = await knowledge.get("/knowledge")
    page = Page(answer.text)
    guideline = load_guideline()
    anchors = [
        *(row.id for row in guideline.rows),
        *(advisory.code for advisory in guideline.advisories),
        *guideline.parameters,
        *guideline.statements,
        *guideline.resolutions,
        *guideline.citations,
    ]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert set(anchors) <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)


async def test_assumptions_and_units_are_said_as_a_card_says_them(knowledge: CheckedClient) -> None:
    page = (await knowledge.get("/knowledge")).text
    headings = [html.unescape(found) for found in re.findall(r"<h3>([^<]+)</h3>", page.split('id="assumptions"')[1])]
    assert headings[:4] == [
        "ASA ≤ 3",
        "No extrahepatic disease",
        "No impending complication",
        "No multivisceral resection",
    ]
    values = dict(re.findall(r'<tr id="(\w+)">.*?<td>([^<]*)</td>', page, re.DOTALL))
    assert {name: values[name].strip() for name in SAID} == SAID


async def test_every_link_inside_the_page_leads_somewhere(knowledge: CheckedClient) -> None:
    page = Page((await knowledge.get("/knowledge")).text)
    inside = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {
        "static/page.css",
        "static/knowledge.css",
        "review/static/review-icon.svg",
    }


async def test_nothing_is_loaded_but_the_own_style_sheets_and_icon_and_nothing_is_run(knowledge: CheckedClient) -> None:
    answer = await knowledge.get("/knowledge")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert not {"script", "iframe", "img", "form", "style"} & set(Page(answer.text).tags)
    style = await knowledge.get("/static/knowledge.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_the_page_is_cheap_to_ask_for_again(knowledge: CheckedClient) -> None:
    etag = (await knowledge.get("/knowledge")).headers["etag"]
    assert (await knowledge.get("/knowledge", headers={"if-none-match": etag})).status_code == 304


async def test_the_page_says_that_nobody_has_reviewed_the_summary(knowledge: CheckedClient) -> None:
    assert "The source summary has not been reviewed by humans yet." in (await knowledge.get("/knowledge")).text


async def test_a_site_s_policy_is_named_where_it_changes_something(settings: Settings) -> None:
    policy = Policy(
        name="St <Elsewhere>",
        parameters={"prefer_simultaneous_when_eligible": False},
        assumptions_off=frozenset({"asa"}),
    )
    async with client_of(settings, load_guideline(policy)) as client:
        text = (await client.get("/knowledge")).text
    assert text.count("set by St &lt;Elsewhere&gt;, as shipped: yes<") == 1
    assert text.count("set by ") == 1
    assert text.count("off here: the card asks") == 1
    assert "<Elsewhere>" not in text
