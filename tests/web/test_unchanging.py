from __future__ import annotations

import pytest
from starlette.requests import Request

from service.web.unchanging import Unchanging

KEPT = Unchanging(b"{}", media_type="application/json", headers={"x-kept": "yes"}, cache_control="no-cache")
TAG = '"44136fa355b3678a1146ad16f7e8649e"'


def asking(*headers: tuple[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def test_the_body_comes_with_its_tag() -> None:
    answer = KEPT.answer(asking())
    assert (answer.status_code, answer.body, dict(answer.headers)) == (
        200,
        b"{}",
        {
            "cache-control": "no-cache",
            "etag": TAG,
            "x-kept": "yes",
            "content-length": "2",
            "content-type": "application/json",
        },
    )


@pytest.mark.parametrize("held", [TAG, f"W/{TAG}", f'"other", {TAG}'])
def test_who_has_it_hears_that_nothing_changed(held: str) -> None:
    answer = KEPT.answer(asking(("if-none-match", held)))
    assert (answer.status_code, answer.body, dict(answer.headers)) == (
        304,
        b"",
        {"cache-control": "no-cache", "etag": TAG, "x-kept": "yes"},
    )


@pytest.mark.parametrize("held", ['"other"', "", TAG[1:-1]])
def test_who_has_something_else_gets_it(held: str) -> None:
    assert KEPT.answer(asking(("if-none-match", held))).status_code == 200
