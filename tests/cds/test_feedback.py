from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cds.feedback import MAX_COMMENT_CHARACTERS, FeedbackEntry, parse_feedback
from service.errors import MalformedRequest

CARD = "5f6c9d3e-0000-4000-8000-000000000001"
SUGGESTION = "5f6c9d3e-0000-4000-8000-00000000000a"
AT = "2026-11-23T18:49:36.989Z"
MOMENT = datetime(2026, 11, 23, 18, 49, 36, 989_000, tzinfo=UTC)
ACCEPTED: dict[str, Any] = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": SUGGESTION}],
    "outcomeTimestamp": AT,
}
OVERRIDDEN: dict[str, Any] = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT}


def parsed(*entries: object) -> tuple[FeedbackEntry, ...]:
    return parse_feedback(json.dumps({"feedback": entries}).encode())


@pytest.mark.duty(68, 69)
def test_accepted_and_overridden_cards_are_read_together() -> None:
    reason = {"reason": {"code": "patient-refuses", "system": "urn:x", "display": "x"}, "userComment": "wants to wait"}
    assert parsed(ACCEPTED, {**OVERRIDDEN, "overrideReason": reason}, OVERRIDDEN) == (
        FeedbackEntry(CARD, "accepted", MOMENT, suggestions=(SUGGESTION,)),
        FeedbackEntry(
            CARD, "overridden", MOMENT, reason_system="urn:x", reason_code="patient-refuses", comment="wants to wait"
        ),
        FeedbackEntry(CARD, "overridden", MOMENT),
    )


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({"reason": {"code": "x"}}, ("x", None, None)),
        ({"userComment": "why"}, (None, None, "why")),
        ({"reason": {"system": "urn:x"}, "userComment": "why"}, (None, None, "why")),
        ({"reason": {"code": "x"}, "userComment": ""}, ("x", None, None)),
        ({"reason": None, "userComment": " a\r\nb\tc\u0000\u200b\u202e\x1b[31m "}, (None, None, "a\nb\tc[31m")),
        ({"userComment": "ожирение"}, (None, None, "ожирение")),
        ({"userComment": "\u200b", "reason": {"code": " "}}, (None, None, None)),
        ({"userComment": "x" * 5000}, (None, None, "x" * MAX_COMMENT_CHARACTERS)),
    ],
)
def test_what_a_client_says_of_its_reason_is_kept_plain_and_short(
    reason: dict[str, Any], expected: tuple[str | None, str | None, str | None]
) -> None:
    (found,) = parsed({**OVERRIDDEN, "overrideReason": reason})
    assert (found.reason_code, found.reason_system, found.comment) == expected


def test_a_comment_that_was_cut_in_the_middle_of_a_character_is_kept() -> None:
    reason = {"reason": {"code": "x", "system": "urn:x"}, "userComment": "wants to wait \ud83d"}
    assert parsed(ACCEPTED, {**OVERRIDDEN, "overrideReason": reason}) == (
        FeedbackEntry(CARD, "accepted", MOMENT, suggestions=(SUGGESTION,)),
        FeedbackEntry(
            CARD, "overridden", MOMENT, reason_system="urn:x", reason_code="x", comment="wants to wait \ufffd"
        ),
    )


def test_suggestions_are_in_one_order_and_named_once() -> None:
    twice = [{"id": SUGGESTION.upper()}, {"id": CARD}, {"id": SUGGESTION}]
    (found,) = parsed({**ACCEPTED, "card": CARD.upper(), "acceptedSuggestions": twice})
    assert found == FeedbackEntry(CARD, "accepted", MOMENT, suggestions=(CARD, SUGGESTION))


def test_unknown_members_and_what_belongs_to_the_other_outcome_are_ignored() -> None:
    more = {"extension": {"x": [1]}, "overrideReason": {"userComment": "x"}, "unknown": None}
    assert parsed({**ACCEPTED, **more}) == parsed(ACCEPTED)
    assert parsed({**OVERRIDDEN, "acceptedSuggestions": [{"id": "x"}]}) == parsed(OVERRIDDEN)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T18:49:36Z", MOMENT.replace(microsecond=0)),
        ("2026-11-23t18:49:36z", MOMENT.replace(microsecond=0)),
        ("2026-11-23T19:49:36.9890000001+01:00", MOMENT),
        ("2026-11-23T10:49:36.989-08:00", MOMENT),
        ("2026-11-23T18:49:36.9Z", MOMENT.replace(microsecond=900_000)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2016-12-31T15:59:60.5-08:00", datetime(2016, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)),
    ],
)
def test_moments_of_any_zone_and_precision_are_read(text: str, moment: datetime) -> None:
    assert parsed({**OVERRIDDEN, "outcomeTimestamp": text})[0].at == moment


LEFT_OUT = object()


def _with(**members: Any) -> bytes:
    """Write feedback with one entry; a member that is `...` is left out."""
    entry = {name: value for name, value in {**OVERRIDDEN, **members}.items() if value is not ...}
    return json.dumps({"feedback": [entry]}).encode()


@pytest.mark.duty(68, 73)
@pytest.mark.parametrize(
    ("base", "member", "value", "element"),
    [
        (OVERRIDDEN, "card", "../../etc/passwd", "feedback[0].card"),
        (OVERRIDDEN, "card", f"urn:uuid:{CARD}", "feedback[0].card"),
        (OVERRIDDEN, "card", CARD.replace("-", ""), "feedback[0].card"),
        (OVERRIDDEN, "card", "{" + CARD + "}", "feedback[0].card"),
        (OVERRIDDEN, "card", 7, "feedback[0].card"),
        (OVERRIDDEN, "card", LEFT_OUT, "feedback[0].card"),
        (OVERRIDDEN, "outcome", "ignored", "feedback[0].outcome"),
        (OVERRIDDEN, "outcome", LEFT_OUT, "feedback[0].outcome"),
        (OVERRIDDEN, "outcomeTimestamp", LEFT_OUT, "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "2026-11-23", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "2026-11-23T18:49:36", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "2026-11-23 18:49:36Z", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "2026-02-30T18:49:36Z", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "0000-05-01T00:00:00Z", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "0001-01-01T00:00:00+14:00", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "9999-12-31T23:59:59-01:00", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", "2026-11-23T18:49:61Z", "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "outcomeTimestamp", 1_795_459_700, "feedback[0].outcomeTimestamp"),
        (OVERRIDDEN, "overrideReason", {}, "feedback[0].overrideReason"),
        (OVERRIDDEN, "overrideReason", {"reason": {"display": "x"}}, "feedback[0].overrideReason"),
        (OVERRIDDEN, "overrideReason", {"userComment": "\u0000 "}, "feedback[0].overrideReason"),
        (OVERRIDDEN, "overrideReason", {"userComment": 7}, "feedback[0].overrideReason.userComment"),
        (OVERRIDDEN, "overrideReason", {"reason": {"code": "x" * 257}}, "feedback[0].overrideReason.reason.code"),
        (OVERRIDDEN, "overrideReason", {"reason": "x"}, "feedback[0].overrideReason.reason"),
        (ACCEPTED, "acceptedSuggestions", LEFT_OUT, "feedback[0].acceptedSuggestions"),
        (ACCEPTED, "acceptedSuggestions", None, "feedback[0].acceptedSuggestions"),
        (ACCEPTED, "acceptedSuggestions", [], "feedback[0].acceptedSuggestions"),
        (ACCEPTED, "acceptedSuggestions", [{"id": "x"}], "feedback[0].acceptedSuggestions[0].id"),
        (ACCEPTED, "acceptedSuggestions", [{}], "feedback[0].acceptedSuggestions[0].id"),
        (ACCEPTED, "acceptedSuggestions", [SUGGESTION], "feedback[0].acceptedSuggestions[0]"),
    ],
)
def test_a_faulty_element_is_named_and_its_value_is_not(
    base: dict[str, Any], member: str, value: object, element: str
) -> None:
    entry = {**base, member: value}
    if value is LEFT_OUT:
        del entry[member]
    with pytest.raises(MalformedRequest) as raised:
        parsed(entry)
    assert raised.value.element == element
    assert not isinstance(value, str) or value not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body must be one JSON object: it cannot be parsed"),
        (b"feedback", "the body must be one JSON object: it cannot be parsed"),
        (b'{"feedback": NaN}', "the body must be one JSON object: it cannot be parsed"),
        (b'{"feedback": "\xff"}', "the body must be JSON in UTF-8"),
        (b'{"feedback": [], "x": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "the body is nested too deeply"),
        (b"[]", "the body has the wrong JSON type: expected object"),
        (b"{}", "feedback is required"),
        (json.dumps(OVERRIDDEN).encode(), "feedback is required"),
        (b'{"feedback": null}', "feedback has the wrong JSON type: expected array"),
        (b'{"feedback": {}}', "feedback has the wrong JSON type: expected array"),
        (b'{"feedback": [null]}', "feedback[0] has the wrong JSON type: expected object"),
        (_with(card=...), "feedback[0].card is required"),
        (_with(card=7), "feedback[0].card has the wrong JSON type: expected string"),
        (_with(outcomeTimestamp=...), "feedback[0].outcomeTimestamp is required"),
        (_with(outcome="ACCEPTED"), "feedback[0].outcome must be 'accepted' or 'overridden'"),
        (
            _with(overrideReason={"reason": "x"}),
            "feedback[0].overrideReason.reason has the wrong JSON type: expected object or null",
        ),
        (b'{"feedback": []}', "feedback must have 1 to 1000 entries"),
        (json.dumps({"feedback": [OVERRIDDEN] * 1001}).encode(), "feedback must have 1 to 1000 entries"),
    ],
)
def test_a_body_that_is_no_feedback_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(MalformedRequest, match=f"^{re.escape(message)}$"):
        parse_feedback(body)


@given(st.binary() | st.text().map(lambda text: json.dumps({"feedback": [{**OVERRIDDEN, "card": text}]}).encode()))
def test_any_bytes_are_feedback_or_a_malformed_request(body: bytes) -> None:
    with suppress(MalformedRequest):
        assert parse_feedback(body)


@given(st.text())
def test_any_comment_is_kept_as_something_that_a_database_can_hold(comment: str) -> None:
    (found,) = parsed({**OVERRIDDEN, "overrideReason": {"reason": {"code": "x"}, "userComment": comment}})
    assert found.comment is None or ("\x00" not in found.comment and found.comment.encode().decode() == found.comment)
