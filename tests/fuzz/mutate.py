"""Damage of every kind: to the structure of JSON and TOML, to texts, to bytes; the same seed does the same damage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Path = tuple[str | int, ...]


class Raw(str):
    """JSON that no Python value stands for: it is written as it is."""

    __slots__ = ()


class Twice(dict[str, Any]):
    """An object whose first member comes twice, the second time with another value."""


_NESTS = ("[[[[[", '{"a":{"a":{"a":', '"extension":{"extension":[{"url":"u","extension":{')


def deep(random: Random) -> Raw:
    depth = random.choice((5, 60, 300, 1000, 20_000))
    opening, closing = random.choice((("[", "]"), ('{"a":', "}"), ('{"extension":[{"url":"u","extension":', "}]}")))
    return Raw(opening * depth + "1" + closing * depth)


_ODD: tuple[Any, ...] = (
    None, True, False, "", " ", [], {}, [[]], [None], {"": None}, 0, -1, 0.1, 1e308, 2**31, 2**63, 2**64, "0", "true",
    Raw("NaN"), Raw("Infinity"), Raw("-Infinity"), Raw("1e999"), Raw("-0"), Raw("1" * 400), Raw("1e-999"), Raw("0x10"),
    Raw('"\\ud800"'), Raw('"\\u0000"'), Raw('"\\udfff\\ud800"'), Raw("nul"), Raw('{"a":1,}'), Raw('"\\x"'),
    "\u202e\u0000\uffff", "x" * 100_000, "1.2.3", "9999-12-31", "0000-01-01", "2026-02-30", "2026-13", "-2026",
    "2026-11-23T25:61:61+99:99", "10000-01-01", "2026-11-23T24:00:00Z", "Patient/../p1", "p1\r\nX: y", "{{context.x}}",
    "<script>", "https://user@example.org:99999999/", "http://[::1", "urn:uuid:", "#", "%00", "../../etc", "\U0001f4a9",
)  # fmt: skip
_TYPES = ("Bundle", "Observation", "Condition", "OperationOutcome", "Medication", "BodyStructure", "Binary", "?")
_NAMES = (
    "resourceType code coding system value valueQuantity valueString component contained extension subject reference"
    " entry resource prefetch context status meta id performedPeriod onsetDateTime __proto__ total link"
).split()


def _odd(random: Random) -> Any:
    """Draw an odd value, never the same list or object twice: later damage would reach both."""
    if random.random() < 0.15:
        return deep(random)
    value = random.choice(_ODD)
    return json.loads(json.dumps(value)) if isinstance(value, list | dict) else value


def places(node: Any, path: Path = ()) -> list[Path]:
    """Give the path of every member of a document, its own first."""
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in below for found in places(value, (*path, key)))]


def at(node: Any, path: Path) -> Any:
    for step in path:
        node = node[step]
    return node


def mutate(random: Random, document: Any, *, times: int | None = None) -> Any:
    """Give a damaged copy of a JSON document."""
    document = json.loads(json.dumps(document))
    for _ in range(times or random.choice((1, 1, 1, 2, 3, 8))):
        paths = places(document)[1:] if isinstance(document, dict | list) else []
        if not paths:
            return document
        path = random.choice(paths)
        document = _damaged(random, document, path, paths)
    return document


def _damaged(random: Random, document: Any, path: Path, paths: list[Path]) -> Any:
    parent, last = at(document, path[:-1]), path[-1]
    if not isinstance(parent, dict | list):
        return document
    members: Any = parent
    kind = random.choice(("odd", "odd", "odd", "drop", "wrap", "copy", "twice", "rename", "type", "long"))
    if kind == "drop":
        del members[last]
    elif kind == "rename" and isinstance(parent, dict):
        members[random.choice(_NAMES)] = members.pop(last)
    else:
        other = at(document, random.choice(paths))
        members[last] = _instead(random, kind, members[last], other)
    return document


def _instead(random: Random, kind: str, value: Any, other: Any) -> Any:
    """Give what stands in the place of a value; `other` stands elsewhere in the document."""
    match kind:
        case "wrap":
            return random.choice(([value], {"a": value}, [value, value]))
        case "copy":
            # A copy of JSON, or the document could come to hold itself.
            return _bounded(other)
        case "type":
            return {"resourceType": random.choice(_TYPES), "id": "x"}
        case "twice" if isinstance(value, dict):
            return Twice(value)
        case "long" if isinstance(value, list):
            return value * random.choice((2, 50))
        case _:
            return _odd(random)


def _bounded(node: Any) -> Any:
    """Give a copy of JSON; nothing of what is large, deep or no JSON."""
    text = dumped(node)
    try:
        return json.loads(text) if len(text) < 20_000 and not any(nest in text for nest in _NESTS) else None
    except ValueError:
        return None


def dumped(node: Any) -> str:
    """Write JSON, damage included."""
    match node:
        case Raw():
            return str(node)
        case Twice():
            members = [f"{json.dumps(key)}:{dumped(value)}" for key, value in node.items()]
            return "{" + ",".join([*members, *(f"{json.dumps(key)}:0" for key in list(node)[:1])]) + "}"
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{dumped(value)}" for key, value in node.items()) + "}"
        case list():
            return "[" + ",".join(map(dumped, node)) + "]"
        case _:
            return json.dumps(node)


def spoiled(random: Random, body: bytes) -> bytes:
    """Damage bytes: cut, flip, insert, repeat, or write them in another encoding."""
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: body[: random.randint(0, len(body))],
        lambda: _replaced(random, body, bytes([random.randrange(256)])),
        lambda: _replaced(random, body, random.choice(_TOKENS)),
        lambda: _replaced(random, body, b""),
        lambda: body + random.choice(_TOKENS),
        lambda: random.choice(_TOKENS) + body,
        lambda: body.decode("utf-8", "replace").encode(random.choice(("utf-16", "utf-32", "utf-8-sig"))),
        lambda: random.randbytes(random.choice((0, 1, 40, 400))),
        lambda: body * 2,
    )
    return random.choice(ways)()


_TOKENS = (
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b'"', b"{", b"}", b"[", b"]", b",", b":",
    b"\\u", b"\\ud800", b"\r\n\r\n", b"//", b"/*", b"NaN", b"1e999", b"'", b" " * 5000, b"\x1f\x8b\x08",
    b"\xef\xbb\xbf", b"[" * 5000, b'{"a":' * 5000,
)  # fmt: skip


def _replaced(random: Random, body: bytes, put: bytes) -> bytes:
    start = random.randint(0, len(body))
    return body[:start] + put + body[start + random.choice((0, 1, 1, 8, 200)) :]


def plain(node: Any) -> Any:
    """Give a damaged document as values that TOML can write: what it cannot is left out or becomes a text."""
    match node:
        case Raw():
            return str(node)[:200]
        case dict():
            return {key: plain(value) for key, value in node.items() if value is not None}
        case list():
            return [plain(value) for value in node if value is not None]
        case _:
            return node
