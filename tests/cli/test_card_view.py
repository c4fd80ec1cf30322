from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from service.commands.card_view import show_answer


def shown(status: int, body: bytes | dict[str, Any]) -> str:
    page = io.StringIO()
    console = Console(file=page, width=100, color_system=None)
    show_answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), console=console)
    return page.getvalue()


CARD = {
    "uuid": "5f6c9d3e-0000-4000-8000-000000000001",
    "summary": "Liver first: resect the liver now",
    "detail": "**Recommended**\n\n- Primary without symptoms",
    "indicator": "warning",
    "source": {"label": "crlm-cds"},
    "suggestions": [{"label": "Refer to the liver MDT", "isRecommended": True}, {"label": "Draft care plan"}],
    "links": [{"label": "Knowledge", "url": "https://cds.example.org/knowledge#A12b", "type": "absolute"}],
    "overrideReasons": [{"display": "MDT decided otherwise"}, {"display": "Patient declines"}],
}


def test_a_card_shows_what_an_ehr_would_show() -> None:
    text = shown(200, {"cards": [CARD]})
    for part in (
        "warning",
        "Liver first: resect the liver now",
        "Recommended",
        "• Primary without symptoms",
        "- Refer to the liver MDT (recommended)",
        "- Draft care plan",
        "- Knowledge: https://cds.example.org/knowledge#A12b",
        "- MDT decided otherwise; Patient declines",
        "crlm-cds",
    ):
        assert part in text


def test_a_card_without_optional_parts_shows_none_of_their_headings() -> None:
    text = shown(200, {"cards": [{"summary": "A", "indicator": "info", "source": {"label": "B"}}]})
    assert "Suggestions" not in text
    assert "Links" not in text


def test_no_card_is_said_in_words() -> None:
    assert shown(200, {"cards": []}) == "No card: the service has nothing to say about this chart.\n"


def test_a_refusal_shows_its_status_text_and_diagnostics() -> None:
    issue = {"details": {"text": "Required data is missing"}, "diagnostics": "prefetch key 'conditions' [x]"}
    assert shown(412, {"issue": [issue]}) == "412 Required data is missing\nprefetch key 'conditions' [x]\n"
    assert shown(500, {}) == "500 the service refused\n"


@pytest.mark.parametrize(
    "body",
    [
        *[b"<html>", b"[]", b"3", b"null", b'"cards"', b'{"cards":3}', b'{"cards":[null]}', b'{"cards":[{}]}'],
        *[
            b'{"issue":"x"}',
            b'{"issue":[null]}',
            b'{"issue":[{"details":"x"}]}',
            b'{"cards":[{"summary":"A"}]}',
            b"\xff",
        ],
    ],
)
def test_what_is_no_answer_of_a_cds_service_is_said(body: bytes) -> None:
    assert shown(502, body) == "502 no answer of a CDS Hooks service came back\n"


def test_an_object_without_cards_is_no_success() -> None:
    assert shown(200, {"status": "up"}) == "200 no answer of a CDS Hooks service came back\n"
