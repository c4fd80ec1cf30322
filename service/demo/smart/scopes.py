"""SMART scopes, version 1 and 2: what they let a client do with a resource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable

Interaction: TypeAlias = Literal["c", "r", "u", "d", "s"]

_RESOURCE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]+)\.([a-z*]+)(?:\?(.+))?")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
PLAIN = frozenset(
    {"launch", "launch/patient", "launch/encounter", "openid", "fhirUser", "profile", "offline_access", "online_access"}
)


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """One scope that reaches resources; `query` limits it to what a search would find (SMART v2)."""

    level: str
    type: str
    interactions: frozenset[str]
    query: tuple[tuple[str, str], ...] = ()

    def covers(self, type_: str, interaction: Interaction) -> bool:
        """Whether the scope reaches this interaction with this type, its query aside."""
        return self.type in {"*", type_} and interaction in self.interactions


def parse_scope(text: str) -> ResourceScope | None:
    """Read one resource scope (`patient/Observation.rs`, `user/*.read`); `None` for any other word."""
    form = _RESOURCE.fullmatch(text)
    if form is None:
        return None
    letters = _VERSION_1.get(form[3], form[3])
    # SMART v2 demands the letters in this order, each at most once.
    if not re.fullmatch(r"(?=.)c?r?u?d?s?", letters):
        return None
    return ResourceScope(form[1], form[2], frozenset(letters), tuple(parse_qsl(form[4] or "", keep_blank_values=True)))


def resource_scopes(scope: str) -> tuple[ResourceScope, ...]:
    """Read every resource scope of a space-separated list."""
    return tuple(found for word in scope.split() if (found := parse_scope(word)))


def granted(asked: str, allowed: Iterable[str]) -> str:
    """Give the asked scopes that `allowed` covers, in the order asked; what is not understood is left out."""
    permitted = tuple(allowed)
    scopes = [found for word in permitted if (found := parse_scope(word))]
    return " ".join(
        dict.fromkeys(word for word in asked.split() if word in permitted or _is_covered(parse_scope(word), scopes))
    )


def narrowed(asked: str, held: str) -> str | None:
    """Give `asked` where it lies within `held` (a refresh), or `None` where it asks for more."""
    return asked if granted(asked, held.split()) == " ".join(dict.fromkeys(asked.split())) else None


def _is_covered(asked: ResourceScope | None, allowed: Iterable[ResourceScope]) -> bool:
    if asked is None:
        return False
    return any(
        scope.level == asked.level
        and scope.type in {"*", asked.type}
        and asked.interactions <= scope.interactions
        and scope.query in {(), asked.query}
        for scope in allowed
    )
