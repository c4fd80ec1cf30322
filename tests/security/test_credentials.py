"""Nothing that opens a door is in the repository, nor was it ever; the patterns are seen finding what they are for."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path

import pytest

from tests.security.credentials import Credential, credentials_in, history, tracked_files

ROOT = Path(__file__).parents[2]
KNOWN = {
    ("signed token", "https://sandbox.cds-hooks.org"): (
        "calls of the public CDS Hooks Sandbox as recorded: expired, and signed with a key that anybody can download"
    ),
    ("signed token", "https://ehr.example.org"): "tokens of the tests, whose keys live as long as their run",
    ("password in a URL", "88c90f2706f59105"): "no database has it: a test that no message repeats it",
    ("password in a URL", "94012f2b30cd7b04"): "the same, for the doctor",
    ("password in a URL", "377e6aef4c461230"): "an address that the file of clients must refuse",
    ("password in a URL", "5b320457928bcd82"): "an origin that must be refused",
}
"""What looks like a credential and opens nothing, by its kind and mark, and why it is there."""
ONCE_KNOWN = {
    ("password in a URL", mark): "the beginning of one of the above, in an earlier form of this list"
    for mark in ("17e4b6e15653fdce", "72382ebde76028d1", "de8dd9340272158d")
}


@cache
def tracked() -> frozenset[Credential]:
    files = tracked_files(ROOT)
    assert len(files) > 500
    return frozenset(
        one for path in files for one in credentials_in(path.read_bytes(), where=str(path.relative_to(ROOT)))
    )


def test_no_tracked_file_holds_a_credential() -> None:
    assert [one for one in sorted(tracked()) if (one.kind, one.mark) not in KNOWN] == []


def test_no_commit_ever_held_a_credential() -> None:
    found = set(credentials_in(history(ROOT), where="history"))
    assert [one for one in sorted(found) if (one.kind, one.mark) not in {**KNOWN, **ONCE_KNOWN}] == []


def test_what_is_known_is_still_there() -> None:
    assert KNOWN.keys() - {(one.kind, one.mark) for one in tracked()} == set()


def _token() -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "ES384", "typ": "JWT"}, {"iss": "https://x.example"})]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b"s" * 24])


# Put together here, so that this file holds none of them.
LOOKS = {
    "private key": "-----BEGIN EC " + "PRIVATE KEY-----\nMIGkAgEBBDBtest0123456789\n",
    "a key in one line": "-----BEGIN " + "PRIVATE KEY-----\\nMIGkAgEBBDBtest0123456789",
    "private JWK": '{"kty": "EC", "d' + '": "' + "A1b2" * 12 + '"}',
    "AWS": "AKI" + "A" + "ABCDEFGH12345678",
    "GitHub": "gh" + "p_" + "a1" * 18,
    "GitLab": "glp" + "at-" + "a1" * 10,
    "Slack": "xo" + "xb-" + "1234567890-abc",
    "Google": "AI" + "za" + "a1" * 17 + "a",
    "PyPI": "py" + "pi-" + "a1" * 30,
    "an API's": "s" + "k-" + "a1" * 20,
    "JWT": _token(),
    "a URL": "postgresql://crlm" + ":hunter22@db.example/crlm",
    "a password": "pass" + 'word = "hunter2-hunter2-hunter2"',
    "JSON": '"api' + '_key": "0123456789abcdef0123456789abcdef"',
}


@pytest.mark.parametrize("text", LOOKS.values(), ids=LOOKS.keys())
def test_what_looks_like_a_credential_is_found_and_not_told_whole(text: str) -> None:
    [found] = credentials_in(f"x = {text}\n".encode(), where="a.py")
    assert not any(text[at : at + 12] in found.mark for at in range(len(text) - 11))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://crlm:${PASSWORD}@db/crlm",
        "postgresql://crlm@127.0.0.1:5432/crlm",
        'password = os.environ["PASSWORD"]',
        'secret = "a secret of the site"',
        "--hash=sha256:9970712cfb81ea26c8658d378aaa5b8f6ff9146e5bb111d70497c164016cf598",
        "https://ehr.example.org/r4",
    ],
)
def test_what_is_no_credential_is_not_found(text: str) -> None:
    assert list(credentials_in(text.encode(), where="a.py")) == []
