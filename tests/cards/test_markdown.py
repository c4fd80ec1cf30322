"""Chart text never becomes markup, and texts are shortened at words."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from service.cds.markdown import clip, escape, flat, render
from service.knowledge.explanation import Explanation, Section, Source, Strong, say

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/p.png)",
    "`code` ``` fence",
    "a | b\n|---|---|\n| 1 | 2 |",
    "# heading\n\n> quote\n\n- list\n\n***",
    "\u202eesrever\u200b\ufeff\x00\x07",
    "see https://evil.example and www.evil.example or mail@evil.example",
    "&lt;b&gt; &#60;b&#62;",
    "~~strike~~ **bold** _it_ \\",
]


@pytest.mark.duty(52)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_renders_as_one_plain_paragraph(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"Reason given: {escape(text)}")
    assert re.findall(r"<[^>]+>", html) == ["<p>", "</p>"]


@given(st.text())
def test_any_text_renders_as_one_plain_paragraph(text: str) -> None:
    html = MarkdownIt("commonmark").render(f"Reason given: {escape(text)}")
    assert re.findall(r"<[^>]+>", html) == ["<p>", "</p>"]


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    assert not [letter for letter in flat(text) if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp"}]


@pytest.mark.parametrize("text", ["http://evil.example", "WWW.evil.example", "a@evil.example"])
def test_an_address_is_no_longer_one(text: str) -> None:
    assert re.search(r"://|www\.|@", escape(text), re.IGNORECASE) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("stage IV, 3 mm", "stage IV, 3 mm"),
        ("https://a.example or WWW.b.example", "https: //a.example or WWW .b.example"),
        ("me@a.example", "me (at) a.example"),
        ("a <b> & [c](d) *e* #1", r"a &lt;b&gt; &amp; \[c\](d) \*e\* \#1"),
        ("Observation/a-1", "Observation/a-1"),
        ("Observation/6e5f3a…9c01", "Observation/6e5f3a…9c01"),
        ("Observation/a_1", r"Observation/a\_1"),
    ],
)
def test_text_is_left_as_it_reads(text: str, plain: str) -> None:
    assert escape(text) == plain


def test_sections_are_paragraphs_and_lists() -> None:
    lines = (
        say("reason", "one", codes=("a",)),
        say("reason", "two", codes=("a",)),
        say("reason", "three", codes=("a", "b")),
        say("reason", "four", codes=("b",)),
    )
    sections = (
        Section("recommendation", "Recommendation", (say("recommendation", Strong("Now")), lines[0])),
        Section("why", "Why", lines),
        Section("missing", "Missing", lines[:2]),
        Section("assumptions", "Assumed", lines[:2]),
    )
    assert render(Explanation("", "info", sections), {"why": 1, "missing": 2}) == (
        "**Now**  \none\n\n**Why**\n- one\n- three\n- and 2 more in the app\n\n"
        "**Missing**\n- one\n- two\n\n**Assumed**: one; two"
    )


@given(st.text(), st.integers(min_value=1, max_value=200))
def test_clipped_text_fits(text: str, limit: int) -> None:
    assert len(clip(text, limit)) <= limit


def test_text_is_cut_at_the_end_of_a_word() -> None:
    assert clip("liver first: resection of the liver", 20) == "liver first…"
    assert clip("liver first", 11) == "liver first"
    assert clip("hepatectomy", 5) == "hepa…"


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        (4, "Observation/1, Observation/2, Observation/3, Observation/4"),
        (12, "Observation/1, Observation/2, Observation/3, 9 more in the app"),
    ],
)
def test_a_line_names_a_few_of_many_resources(resources: int, named: str) -> None:
    proof = Source(tuple(f"Observation/{number}" for number in range(1, resources + 1)), "2 Nov 2026")
    line = say("reason", "12 cycles", proof)
    assert (
        render(Explanation("", "info", (Section("why", "Why", (line,)),)), {})
        == f"**Why**\n- 12 cycles (2 Nov 2026, {named})"
    )


UUID = "6e5f3a1b-77aa-4c1d-9b0e-12d4a6f09c01"
LIKE_IT = "6e5f3a1b-ffff-4c1d-9b0e-ffffffff9c01"


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (["smart-1234567890", "1"], "Observation/smart-1234567890, Observation/1"),
        (["liver-centre-discussed"], "Observation/liver-centre-discussed"),
        ([UUID], "Observation/6e5f3a…9c01"),
        (["eVgg3VZXe9kwLVgUsgu0xLw3"], "Observation/eVgg3V…xLw3"),
        ([UUID, LIKE_IT], f"Observation/6e5f3a…9c01, Observation/{LIKE_IT}"),
    ],
)
def test_an_id_that_nobody_reads_is_shortened_and_still_told_from_the_others(ids: list[str], named: str) -> None:
    lines = tuple(say("reason", "ECOG 0", Source((f"Observation/{one}",))) for one in ids)
    sections = (Section("why", "Why", lines),)
    found = re.findall(r"\((.*)\)", render(Explanation("", "info", sections), {}))
    assert ", ".join(found) == named
