import base64
import hmac
from hashlib import sha256

import pytest

from service.cds.app_context import LIFETIME_S, AppContext, AppContextError, read_app_context, sign_app_context

KEY, OTHER = b"k" * 32, b"o" * 32
CONTEXT = AppContext("https://ehr.example.org", "b0a3c1de-0000-4000-8000-000000000001", "ecog")


def test_what_is_signed_is_read_again_until_it_expires() -> None:
    text = sign_app_context(CONTEXT, key=KEY, now_s=1000)
    assert read_app_context(text, keys=[OTHER, KEY], now_s=1000 + LIFETIME_S - 1) == CONTEXT
    with pytest.raises(AppContextError, match="expired"):
        read_app_context(text, keys=[KEY], now_s=1000 + LIFETIME_S)


def test_a_reference_without_a_question_is_one_too() -> None:
    context = AppContext("https://ehr.example.org", "c")
    assert read_app_context(sign_app_context(context, key=KEY, now_s=0), keys=[KEY], now_s=1) == context


def test_the_reference_is_plain_letters_and_short() -> None:
    text = sign_app_context(CONTEXT, key=KEY, now_s=1_800_000_000)
    assert text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert len(text) < 300


@pytest.mark.parametrize("position", range(0, 60, 7))
def test_an_altered_reference_is_refused(position: int) -> None:
    text = sign_app_context(CONTEXT, key=KEY, now_s=0)
    altered = text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]
    with pytest.raises(AppContextError):
        read_app_context(altered, keys=[KEY], now_s=1)


def test_a_signed_text_that_is_no_reference_is_refused() -> None:
    for payload in (b"[]", b'{"i":1}', b'{"i":"a","c":"b","e":99,"more":1}', b"\xff"):
        parts = (payload, hmac.new(KEY, payload, sha256).digest())
        text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        with pytest.raises(AppContextError, match="not one of ours"):
            read_app_context(text, keys=[KEY], now_s=1)
