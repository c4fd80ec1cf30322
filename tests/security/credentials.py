"""Credentials by their looks, in what git tracks and in everything that it ever tracked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOOKS = {
    "private key": rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*\\?n?\s*[A-Za-z0-9+/=]{16}",
    "private JWK": rb"""["']d["']\s*:\s*["'][A-Za-z0-9_-]{32,}["']""",
    "AWS key": rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})",
    "GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": rb"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Google key": rb"\bAIza[A-Za-z0-9_-]{35}\b",
    "PyPI token": rb"\bpypi-[A-Za-z0-9_-]{50,}",
    "API key": rb"\bsk-(?:[a-z]+-)*[A-Za-z0-9_-]{32,}",
    "signed token": rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{20,}",
    "password in a URL": rb"\b[a-z][a-z0-9+]{2,}://[^\s:/@'\"<>{}$]+:[^\s:/@'\"<>{}$]{3,}@[\w.-]+",
    "password": rb"""\b(?i:password|passwd|secret|api_?key|access_?token|auth_?token)["']?\s*[:=]\s*["']"""
    rb"""(?=[^"'\s]*\d)[A-Za-z0-9+/_=!@#%^&*-]{16,}["']""",
}
_PATTERN = re.compile(b"|".join(b"(?P<k%d>%s)" % (number, look) for number, look in enumerate(_LOOKS.values())))
_NAMES = list(_LOOKS)


@dataclass(frozen=True, order=True)
class Credential:
    """What looks like a credential; `mark` names it without repeating it: its digest, or the issuer of a token."""

    where: str
    kind: str
    mark: str


def credentials_in(text: bytes, *, where: str) -> Iterator[Credential]:
    """Give what looks like a credential."""
    for found in _PATTERN.finditer(text):
        kind = _NAMES[int((found.lastgroup or "k0")[1:])]
        yield Credential(where, kind, _mark(kind, found[0]))


def _mark(kind: str, text: bytes) -> str:
    if kind == "signed token":
        claims = text.split(b".")[1]
        try:
            return str(json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["iss"])
        except (ValueError, KeyError, TypeError):
            pass
    return hashlib.sha256(text).hexdigest()[:16]


def tracked_files(root: Path) -> list[Path]:
    """List what git tracks; without git (an unpacked archive) every file."""
    listed = _git(root, "ls-files", "-z")
    if listed is None:
        return [path for path in root.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [root / name for name in listed.decode().split("\0") if name and (root / name).is_file()]


def history(root: Path) -> bytes:
    """Give every line that a commit of any branch has added, and what the commits say; nothing without git."""
    log = _git(root, "log", "--all", "-p", "--no-color", "--unified=0", "--format=+%B", "--no-renames", "--no-ext-diff")
    return b"\n".join(line[1:] for line in (log or b"").split(b"\n") if line.startswith(b"+"))


def _git(root: Path, *arguments: str) -> bytes | None:
    program = shutil.which("git")
    if program is None:
        return None
    ran = subprocess.run([program, "-C", str(root), *arguments], capture_output=True, check=False)
    return ran.stdout if ran.returncode == 0 else None
