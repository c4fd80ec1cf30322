"""What a resource is about: by its codes, and by its text where no code says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from fhir_mappings.loose_json import objects
from fhir_mappings.read.concepts import codings, concept_sets, concept_texts, written_codes
from fhir_mappings.read.places import is_unplaced, names_of_sites, placed
from fhir_mappings.read.references import ingredients
from fhir_mappings.relevance import NAMED, is_malformed
from fhir_mappings.words import could_be

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.terminology import Terminology

ANY_CANCER = frozenset({"cancer"})
"""What a Condition is decoded for, to see by its body site what it is about."""
_NOTHING = frozenset[str]()
_OPERATION, _UNSPECIFIED = frozenset({"operation"}), "procedure-unspecified"
_SAYS_NOTHING = frozenset({"answer-unknown", _UNSPECIFIED})
"""Value sets of codes by which it is not known what a resource is of."""
_PRIMARY, _LIVER = frozenset({"primary"}), frozenset({"liver-metastasis"})

Coding: TypeAlias = tuple[str, frozenset[str]]
"""A coding as `system|code`, and the value sets that hold it."""


def codings_of(
    kind: str, body: Mapping[str, Any], terminology: Terminology
) -> tuple[tuple[Coding, ...], frozenset[str], bool]:
    """Give the codings of a resource that are in a value set, their sets, and if one is of a system that is read."""
    found = []
    held = _NOTHING
    understood = False
    for concept in _concepts(kind, body):
        for system, code in written_codes(concept):
            sets = terminology.sets(system, code)
            if kind == "Condition":
                sets = placed(sets, body, terminology, coding=(system, code))
            if sets:
                found.append((f"{system.strip()}|{code.strip()}", sets))
                held |= sets
            if not understood and (sets or terminology.reads(system)):
                understood = not (is_unplaced(sets) or (sets and sets <= _SAYS_NOTHING))
    return tuple(found), held, understood


def about(
    kind: str, body: Mapping[str, Any], sets: frozenset[str], terminology: Terminology, *, understood: bool
) -> tuple[frozenset[str], bool]:
    """Give what a resource could be about by its text, where no value set holds its code; and if that is withheld."""
    if not understood:
        concepts = list(_concepts(kind, body))
        unnamed = not any(map(concept_texts, concepts))
        if kind == "Procedure" and unnamed:
            masked = _may_be_surgery(body.get("category"), terminology)
            return (_OPERATION if masked else _NOTHING), masked
        masked = kind == "Condition" and unnamed and any(map(_is_masked, concepts))
        return could_be(kind, _text(kind, body, sets, terminology)), masked
    if sets or kind not in NAMED:
        return _NOTHING, False
    return could_be(kind, _text(kind, body, sets, terminology), beside_code=True), False


def named_beside(condition: Mapping[str, Any], sets: frozenset[str], terminology: Terminology) -> frozenset[str]:
    """Give the other disease where the words of a Condition, whose code is in `sets` of one, name it as well."""
    left_open = _left_open(sets)
    if not left_open:
        return _NOTHING
    return could_be("Condition", _all_words(condition, sets, terminology), beside_code=True, among=left_open)


def also_named(
    condition: Mapping[str, Any], sets: frozenset[str], terminology: Terminology, *, among: frozenset[str]
) -> frozenset[str]:
    """Give which of some topics the words of a Condition could be about, beside what its code says."""
    return could_be("Condition", _all_words(condition, sets, terminology), among=among)


def _all_words(condition: Mapping[str, Any], sets: frozenset[str], terminology: Terminology) -> str:
    return "; ".join([_text("Condition", condition, sets, terminology), *_findings(condition, terminology)])


def _left_open(sets: frozenset[str]) -> frozenset[str]:
    """Give the disease that the text of a Condition of the other one may name: "colon cancer with liver metastases"."""
    metastasis = "liver-metastasis" in sets
    primary = any(name.startswith(("primary-site-", "primary-history")) for name in sets)
    return _NOTHING if metastasis == primary else _PRIMARY if metastasis else _LIVER


def _findings(condition: Mapping[str, Any], terminology: Terminology) -> Iterable[str]:
    """Give the words of a Condition's stage and evidence: they may name liver metastases."""
    stages = (stage.get(name) for stage in objects(condition.get("stage")) for name in ("type", "summary"))
    evidence = (found for one in objects(condition.get("evidence")) for found in objects(one.get("code")))
    for concept in (*stages, *evidence):
        yield from concept_texts(concept)
        if not _LIVER.isdisjoint(concept_sets(concept, terminology)):
            yield "liver metastasis"


def _text(kind: str, body: Mapping[str, Any], sets: frozenset[str], terminology: Terminology) -> str:
    concepts = list(_concepts(kind, body))
    texts = [text for concept in concepts for text in concept_texts(concept)]
    if kind == "Condition":
        texts += names_of_sites(body, sets, terminology)
        written = (coding.get("code") for concept in concepts for coding in codings(concept))
        texts += [code for code in written if isinstance(code, str)]
    return "; ".join(texts)


def _may_be_surgery(category: object, terminology: Terminology) -> bool:
    """Whether the category of a Procedure does not say that it is something else."""
    coded = (code for one in objects(category) for code in written_codes(one) if terminology.reads(code[0]))
    return all(_UNSPECIFIED in terminology.sets(*code) for code in coded)


def _is_masked(concept: object) -> bool:
    """Whether a concept is withheld, or of a shape in which nothing can be read."""
    withheld = isinstance(concept, dict) and bool(concept.get("extension")) and not concept.get("coding")
    return withheld or is_malformed(concept)


def _concepts(kind: str, body: Mapping[str, Any]) -> Iterable[object]:
    code = body.get("code")
    yield code
    if isinstance(code, dict) and "concept" in code:
        yield code["concept"]
    if kind == "Observation" and "component" in body:
        yield from (component.get("code") for component in objects(body["component"]))
    if kind in ("MedicationRequest", "MedicationAdministration"):
        yield body.get("medicationCodeableConcept")
        medication = body.get("medication")
        yield medication.get("concept") if isinstance(medication, dict) else None
        for contained in objects(body.get("contained")):
            yield contained.get("code")
            yield from ingredients(contained)
    if kind == "Medication":
        yield from ingredients(body)
    if kind == "CarePlan":
        yield from objects(body.get("category"))
        for activity in objects(body.get("activity")):
            detail = activity.get("detail")
            yield detail.get("code") if isinstance(detail, dict) else None
