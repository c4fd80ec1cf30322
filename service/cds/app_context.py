"""The appContext of a SMART link: a signed, expiring reference from a card to the app, without patient data."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

LIFETIME_S = 12 * 3600
"""A card lives for a working day at most; later its reference says nothing."""
MAXIMUM_LENGTH = 1024


class AppContextError(Exception):
    """An appContext is forged, altered, expired or no reference of ours; the message is safe to show."""


@dataclass(frozen=True, slots=True)
class AppContext:
    """What a card tells the app: who asked, which card it was, and the fact to begin with."""

    issuer: str
    card: str
    ask: str | None = None


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    i: str
    c: str
    e: int
    a: str | None = None


def sign_app_context(context: AppContext, *, key: bytes, now_s: int) -> str:
    """Give the text for `link.appContext`, valid for `LIFETIME_S` from `now_s` (seconds since 1970)."""
    payload = msgspec.json.encode(_Payload(i=context.issuer, c=context.card, e=now_s + LIFETIME_S, a=context.ask))
    return f"{_text(payload)}.{_text(hmac.new(key, payload, sha256).digest())}"


def read_app_context(text: str, *, keys: Sequence[bytes], now_s: int) -> AppContext:
    """Read what `sign_app_context` made with one of `keys`; raise `AppContextError` for everything else."""
    if len(text) > MAXIMUM_LENGTH:
        raise AppContextError("the reference of the card is too long")
    try:
        payload_text, signature_text = text.split(".")
        payload, signature = _bytes(payload_text), _bytes(signature_text)
    except (ValueError, binascii.Error) as fault:
        raise AppContextError("the reference of the card is not one of ours") from fault
    if not any(hmac.compare_digest(hmac.new(key, payload, sha256).digest(), signature) for key in keys):
        raise AppContextError("the reference of the card is not one of ours")
    try:
        read = msgspec.json.decode(payload, type=_Payload)
    except msgspec.MsgspecError as fault:
        raise AppContextError("the reference of the card is not one of ours") from fault
    if now_s >= read.e:
        raise AppContextError("the reference of the card has expired")
    return AppContext(issuer=read.i, card=read.c, ask=read.a)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    raw = text.encode("ascii")
    return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
