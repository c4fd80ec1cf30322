"""What an app may write to an EHR: its CapabilityStatement and the granted scopes, read together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from fhir_mappings.loose_json import MISFITS
from service.adapters.smart_configuration import WRITES, grants

if TYPE_CHECKING:
    from collections.abc import Iterable

Interaction: TypeAlias = Literal["create", "update"]


@dataclass(frozen=True, slots=True)
class Permissions:
    """`transaction`, and the pairs (resource type, `create` or `update`) that server and scopes both allow."""

    transaction: bool
    allowed: frozenset[tuple[str, str]]

    def may(self, interaction: Interaction, kind: str) -> bool:
        """Whether resources of this type may be created or updated."""
        return (kind, interaction) in self.allowed


class _Interaction(msgspec.Struct):
    code: str = ""


class _Resource(msgspec.Struct):
    type: str = ""
    interaction: list[_Interaction] = []


class _Rest(msgspec.Struct):
    mode: str = "server"
    interaction: list[_Interaction] = []
    resource: list[_Resource] | None = None


class _Statement(msgspec.Struct):
    rest: list[_Rest] = []
    fhirVersion: str = ""  # noqa: N815  FHIR's own name


_BEFORE_R4 = ("0.", "1.", "2.", "3.")
_LETTERS: dict[Interaction, str] = {"create": "c", "update": "u"}


def permissions_from(statement: bytes | None, scopes: Iterable[str]) -> Permissions:
    """Read a CapabilityStatement; without one that says anything, the scopes alone decide and each write is tried.

    A server of a version before R4 may be written nothing.
    """
    read = _read(statement)
    if read is not None and read.fhirVersion.startswith(_BEFORE_R4):
        # What the app writes is R4: another version would take it for something else.
        return Permissions(transaction=False, allowed=frozenset())
    granted = {(kind, what) for kind, _ in WRITES for what, letter in _LETTERS.items() if grants(scopes, kind, letter)}
    rest = next((rest for rest in read.rest if rest.mode == "server"), None) if read else None
    if rest is None or rest.resource is None:
        return Permissions(transaction=True, allowed=frozenset(granted))
    offered = {(resource.type, interaction.code) for resource in rest.resource for interaction in resource.interaction}
    return Permissions(
        transaction=any(interaction.code == "transaction" for interaction in rest.interaction),
        allowed=frozenset(granted & offered),
    )


def _read(statement: bytes | None) -> _Statement | None:
    try:
        return msgspec.json.decode(statement, type=_Statement) if statement else None
    except MISFITS:
        return None
