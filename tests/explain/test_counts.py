"""Numbers of a site's policy read as words do: one month, two months; a window of one week."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from service.knowledge.guideline import load_guideline
from service.knowledge.model import Policy
from tests.decided import cards_of, example

ONE = load_guideline(
    Policy(
        "one of each",
        {
            name: 1
            for name, parameter in load_guideline().parameters.items()
            if parameter.minimum == 1 and parameter.unit in {"mo", "wk", "{count}"} and parameter.use == "text"
        },
    )
)
RESPONDED: dict[str, Any] = {"chemotherapy_cycles": 4, "chemotherapy_response": "partial-response"}
CASES = {
    "V01": {},
    "V01 after response": RESPONDED,
    "V08": {},
    "V09": {},
    "V12": {},
    "V12 after resection": {"primary_resection_date": date(2026, 10, 12)},
    "V13": {},
    "V20": {},
    "V27": {},
    "V28": {},
}


@pytest.mark.parametrize("name", CASES)
def test_one_of_each_is_said_in_the_singular(name: str) -> None:
    (card,) = cards_of(example(name[:3], **CASES[name]), guideline=ONE)
    text = f"{card['summary']}\n{card['detail']}\n{card['suggestions']}"
    assert re.findall(r"\b1 (?:to 1 )?(?:months|weeks|two-weekly cycles)", text) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("V01", "about 1 week after the liver operation"),
        ("V08", "about 1 month after recovery from the primary (window 1 week)"),
        ("V13", "then restaging of the liver, at 1 month"),
        ("V20", "every 1 month, first by 23 Dec 2026"),
        ("V28", "FOLFOX before the liver operation, 1 month (1 two-weekly cycle)"),
    ],
)
def test_what_is_one_is_still_said(name: str, words: str) -> None:
    (card,) = cards_of(example(name), guideline=ONE)
    assert words in card["detail"]


def test_sentences_of_the_guideline_are_in_the_singular_too() -> None:
    assert ONE.advisory("restage-3-months").sentence == "Restage at 1 month, before the liver resection."
    assert ONE.intervals["adjuvant"] == "1 month of adjuvant chemotherapy (1 two-weekly cycle)"
