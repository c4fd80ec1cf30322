"""What a hospital asks, mixed: hooks of all kinds and sizes, and feedback on the cards that came."""

from __future__ import annotations

import json
import re
import time
import urllib.request
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jwt
import orjson

from tests.bench.bodies import body
from tests.bench.load import request_bytes
from tests.orders.drafts import biopsy, hepatectomy

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ISSUER = "http://127.0.0.1/soak"
_CARD = re.compile(rb'"uuid":"([0-9a-f-]{36})"')
_FEEDBACK = "feedback"
_VIEWS = {25: 30, 100: 25, 400: 12, 1000: 5}
"""Weights of opened charts by the number of their resources."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, ready to be sent; `card` is the one that feedback is about."""

    kind: str
    request: bytes
    card: str | None = None


@dataclass
class Mix:
    """Gives calls in random order; every token is its own."""

    base: str
    key: EllipticCurvePrivateKey
    rng: random.Random
    _bodies: list[tuple[str, str, bytes]] = field(default_factory=list)
    _weights: list[int] = field(default_factory=list)
    _cards: deque[str] = field(default_factory=lambda: deque(maxlen=1000))

    def __post_init__(self) -> None:
        templates = templates_of(self.base)
        for size, weight in _VIEWS.items():
            self._add(f"patient-view {size}", "crlm-patient-view", body(size, templates), weight)
        self._add("patient-view 400, other disease", "crlm-patient-view", body(400, templates, in_scope=False), 10)
        chart = body(100, templates)
        self._add("order-select", "crlm-order-select", _order("order-select", chart, biopsy), 4)
        self._add("order-sign", "crlm-order-sign", _order("order-sign", chart, hepatectomy), 4)
        self._add(_FEEDBACK, "crlm-patient-view", b"", 10)

    def _add(self, kind: str, service: str, content: bytes, weight: int) -> None:
        self._bodies.append((kind, service, content))
        self._weights.append(weight)

    def next(self) -> Call:
        """Give the next call."""
        [(kind, service, content)] = self.rng.choices(self._bodies, self._weights)
        path, card = f"/cds-services/{service}", None
        if kind == _FEEDBACK:
            card = self._cards.popleft() if self._cards else str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
            at = datetime.now(UTC).isoformat()
            entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": at}
            path, content = f"{path}/feedback", orjson.dumps({"feedback": [entry]})
        return Call(kind, request_bytes(path, content, [f"Authorization: Bearer {self._token(path)}"]), card)

    def learn(self, answer: bytes) -> None:
        """Remember the cards of an answer, to give feedback on."""
        self._cards.extend(found.decode() for found in _CARD.findall(answer[:4000]))

    def _token(self, path: str) -> str:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": self.base + path, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
        return jwt.encode(claims, self.key, "ES384", {"kid": "soak", "typ": "JWT"})


def _order(hook: str, chart: bytes, draft: Callable[[], dict[str, object]]) -> bytes:
    message = orjson.loads(chart)
    order = {**draft(), "subject": {"reference": f"Patient/{message['context']['patientId']}"}}
    message["hook"] = hook
    message["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order}]}
    if hook == "order-select":
        message["context"]["selections"] = [f"{order['resourceType']}/{order['id']}"]
    return orjson.dumps(message)


def templates_of(base: str) -> dict[str, str]:
    """Give the prefetch templates that a service asks for."""
    with urllib.request.urlopen(f"{base}/cds-services", timeout=5) as answer:
        services = json.load(answer)["services"]
    found: dict[str, str] = next(one["prefetch"] for one in services if one["id"] == "crlm-patient-view")
    return found
