"""Which resources may matter: decided on the codes as they are spelled, without decoding the rest of a resource.

A typed scan reads only type and codes. Where codes have an odd shape the same question is put to the decoded
dictionary, so that the answer is the same on both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from fhir_mappings.loose_json import MISFITS, objects, text_of
from fhir_mappings.words import is_worth_a_look

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.terminology import Terminology

_ALWAYS = frozenset({"Patient", "BodyStructure", "CarePlan", "Specimen"})
_MEDICATION = frozenset({"MedicationRequest", "MedicationAdministration"})
DRUGS = _MEDICATION | {"Medication"}
NAMED = DRUGS | {"Condition", "Procedure", "ServiceRequest"}
"""Types whose text is looked at beside codes that are read, too: a drug, operation or metastasis has many codes."""
CODED = DRUGS | {"Condition", "Observation", "Procedure", "ServiceRequest"}
"""Types of resources that matter by their codes."""
READ = _ALWAYS | CODED
"""All types of resources that are read."""
_CONCEPTS = ("code", "medicationCodeableConcept", "medication")
_NO_CODE = 2**63
NOT_SENT = msgspec.Raw(b"null")


class _Coding(msgspec.Struct, gc=False):
    system: str | None = None
    code: str | int | float | None = None
    display: str | None = None


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding | None] | None = None
    text: str | None = None
    extension: Any = None
    concept: _Concept | None = None
    reference: Any = None


class _Component(msgspec.Struct, gc=False):
    code: msgspec.Raw = NOT_SENT


class Issue(msgspec.Struct, gc=False):
    """An issue of an OperationOutcome."""

    severity: str | None = None
    code: str | None = None


class Head(msgspec.Struct, gc=False):
    """What a resource is decided by, its codes as they are spelled: charts repeat a few dozen spellings."""

    resourceType: str | None = None  # noqa: N815  FHIR's own name, as the next ones
    code: msgspec.Raw = NOT_SENT
    component: list[_Component | None] | None = None
    medicationCodeableConcept: msgspec.Raw = NOT_SENT  # noqa: N815
    medicationReference: msgspec.Raw = NOT_SENT  # noqa: N815
    medication: msgspec.Raw = NOT_SENT
    ingredient: msgspec.Raw = NOT_SENT
    issue: list[Issue | None] | None = None


_CONCEPT = msgspec.json.Decoder(_Concept | None)


class Relevance:
    """Whether resources matter, each spelling of codes asked once a source."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._spellings: dict[str | None, dict[bytes, bool]] = {kind: {} for kind in CODED}
        self._systems: dict[str | None, bool] = {}

    def matters(self, head: Head) -> bool:
        """Decide on a scanned resource; one whose codes have an odd shape is decided on its dictionary."""
        kind = head.resourceType
        spellings = self._spellings.get(kind)
        if spellings is None:
            return kind in _ALWAYS
        if kind in DRUGS:
            at = _spelling_of_drug(head)
        else:
            at = bytes(head.code)
            if head.component is not None:
                at = b"\0".join([at, *(bytes(part.code) for part in head.component if part is not None)])
        found = spellings.get(at)
        if found is None:
            found = spellings[at] = self._decided(kind or "", head)
        return found

    def matters_as_dictionary(self, resource: dict[str, Any]) -> bool:
        """Decide on a resource of any shape."""
        kind = text_of(resource.get("resourceType"))
        if kind not in CODED:
            return kind in _ALWAYS
        if kind == "Medication" and resource.get("ingredient") is not None:
            return True
        if kind == "Condition" and is_malformed(resource.get("code")):
            return True
        concepts = [_concept(resource.get(name)) for name in (_CONCEPTS if kind in DRUGS else ("code",))]
        if kind == "Observation":
            concepts += [_concept(component.get("code")) for component in objects(resource.get("component"))]
        return self._any(kind, concepts, refers=resource.get("medicationReference") is not None)

    def _decided(self, kind: str, head: Head) -> bool:
        if kind == "Medication" and bytes(head.ingredient) != b"null":
            return True
        parts = [head.code]
        if kind in DRUGS:
            parts += [head.medicationCodeableConcept, head.medication]
        components = [part.code for part in head.component or () if part is not None] if kind == "Observation" else []
        try:
            concepts = [_CONCEPT.decode(part) for part in (*parts, *components) if part is not NOT_SENT]
        except MISFITS:
            spelled = {name: orjson.loads(memoryview(part)) for name, part in zip(_CONCEPTS, parts, strict=False)}
            spelled["component"] = [{"code": orjson.loads(memoryview(part))} for part in components]
            spelled["medicationReference"] = orjson.loads(memoryview(head.medicationReference))
            return self.matters_as_dictionary({"resourceType": kind, **spelled})
        return self._any(kind, concepts, refers=bytes(head.medicationReference) != b"null")

    def _any(self, kind: str, concepts: Iterable[_Concept | None], *, refers: bool) -> bool:
        understood = False
        met = []
        for concept in concepts:
            for one in (concept, concept.concept) if concept is not None else ():
                if one is not None:
                    met.append(one)
                    for coding in one.coding or ():
                        if coding is not None and coding.code and self._reads(coding.system):
                            code = coding.code if isinstance(coding.code, str) else _spelled(coding.code)
                            if self._terminology.sets(coding.system, code):
                                return True
                            understood = understood or bool(code)
        if kind in _MEDICATION and (refers or any(one.reference is not None for one in met)):
            return True
        return (kind in NAMED or not understood) and self._text(kind, met, beside_code=understood)

    def _reads(self, system: str | None) -> bool:
        found = self._systems.get(system)
        if found is None:
            found = self._systems[system] = self._terminology.reads(system)
        return found

    def _text(self, kind: str, concepts: list[_Concept], *, beside_code: bool) -> bool:
        texts = _texts(concepts)
        if kind == "Procedure" and not texts:
            return not beside_code  # its category may say what it is
        if kind == "Condition" and not beside_code:
            if any(map(_masked, concepts)):
                return True
            texts += _codes(concepts)
        return is_worth_a_look(kind, " ".join(texts), beside_code=beside_code)


def _spelling_of_drug(head: Head) -> bytes:
    others = (head.code, head.medicationReference, head.medication, head.ingredient)
    drug = bytes(head.medicationCodeableConcept)
    return drug if others == _NO_OTHERS else b"\0".join([drug, *map(bytes, others)])


_NO_OTHERS = (NOT_SENT,) * 4


def _spelled(code: object) -> str | None:
    """Give a numeric code as text; numbers beyond 63 bits differ between decoders and are no codes."""
    return str(code) if type(code) is int and code < _NO_CODE else None


def _masked(concept: _Concept) -> bool:
    return bool(concept.extension) and not concept.coding and not concept.text


def _texts(concepts: Iterable[_Concept]) -> list[str]:
    """Give texts and displays, each once: a display mostly says what the text says."""
    found: dict[str | None, None] = {}
    for concept in concepts:
        found[concept.text] = None
        for coding in concept.coding or ():
            if coding is not None:
                found[coding.display] = None
    return [text for text in found if text]


def _codes(concepts: Iterable[_Concept]) -> list[str]:
    codings = [coding for concept in concepts for coding in concept.coding or () if coding is not None]
    return [coding.code for coding in codings if isinstance(coding.code, str)]


def is_malformed(concept: object) -> bool:
    """Whether a CodeableConcept is there in a shape that no coding or text has, so that what it says is lost."""
    if not isinstance(concept, dict):
        return bool(concept)
    coding, text = concept.get("coding"), concept.get("text")
    listed = coding if isinstance(coding, list) else [coding]
    return not isinstance(text, str | None) or not all(map(_is_coding, listed))


def _is_coding(member: object) -> bool:
    return member is None or (isinstance(member, dict) and isinstance(member.get("code"), str | float | int | None))


def _concept(value: object) -> _Concept | None:
    found = objects(value)
    if not found:
        return None
    first = found[0]
    codings: list[_Coding | None] = [
        _Coding(text_of(coding.get("system")), coding.get("code"), text_of(coding.get("display")))
        for concept in found
        for coding in objects(concept.get("coding"))
    ]
    below = first.get("concept")
    return _Concept(
        codings,
        text_of(first.get("text")),
        first.get("extension"),
        _concept(below) if isinstance(below, dict) else None,
        first.get("reference"),
    )
