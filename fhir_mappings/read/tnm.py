"""T, N and M of TNM: coded, spelled, and as a formula in one value, pathological or clinical."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fhir_mappings.read.concepts import codings, concept_sets, concept_texts
from fhir_mappings.read.conditions import primaries
from fhir_mappings.read.doubt import DENIED, affirmed, opened
from fhir_mappings.read.once import once
from fhir_mappings.read.places import is_elsewhere
from fhir_mappings.read.settle import Candidate, Found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_NO_NERVE = "(?-i:(?!Pn))"
"""Pn1 is invasion of a nerve."""
_NUMBERED = 5
"""A code of more digits, as those of SNOMED CT, spells no category."""
_BETWEEN = opened(r"(?P=letter)\s?[0-4]")
_CATEGORY = re.compile(
    rf"{DENIED}(?<![a-z]){_NO_NERVE}[yramucp]{{0,4}}(?P<letter>[TN])\s?(?P<stage>[0-4](?:[a-d](?![-\u2013/][a-d]\b))?)(?![0-9]){_BETWEEN}",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:[yrcp]{0,3})([0-4])([a-d]?)", re.IGNORECASE)
_PATHOLOGICAL = {
    letter: re.compile(rf"(?<![a-z]){_NO_NERVE}[yra]{{0,2}}p[yra]{{0,2}}{letter}?\s?[0-4](?![0-9])", re.IGNORECASE)
    for letter in ("T", "N")
}
_SPELLED_PATHOLOGICAL = re.compile(
    rf"(?<![a-z]){_NO_NERVE}[yra]{{0,2}}p[yra]{{0,2}}[TN]\s?[0-4](?![0-9])", re.IGNORECASE
)
_CLINICAL = {
    letter: re.compile(rf"(?<![a-z])[yra]{{0,2}}c[yra]{{0,2}}\s?{letter}\s?[0-4](?![0-9])", re.IGNORECASE)
    for letter in ("T", "N")
}
_NONE_OF_OURS = {
    letter: re.compile(
        rf"\A\s*[yrcp]{{0,3}}(?:{none})\s*\Z|(?<![a-z])[yramucp]{{0,4}}{letter}\s?(?:{none})(?![a-z0-9])", re.IGNORECASE
    )
    for letter, none in (("T", "X|0|is"), ("N", "X"))
}
"""What says of a category that it was not assessed, or that there is no invasive tumour."""
_OR_ONE_ORGAN = opened(r"M\s?(?:0|1\s?a)")
_SEVERAL_ORGANS = re.compile(rf"{DENIED}(?<![a-z])[yramucp]{{0,4}}M\s?1\s?[bc](?![a-z]){_OR_ONE_ORGAN}", re.IGNORECASE)
_ONE_ORGAN = re.compile(r"M\s?(?:0|1\s?a)(?![a-z])", re.IGNORECASE)
_NO_METASTASIS = re.compile(r"M\s?[0X](?![a-z0-9])", re.IGNORECASE)
_BARE_M = re.compile(r"\A\s*[yrcp]{0,3}(1[bc])\s*\Z", re.IGNORECASE)
_FOURTH_STAGE = re.compile(r"(?<![a-z])IV\s?([BC])(?![a-z])", re.IGNORECASE)
_NUMBERED_STAGE = re.compile(r"\A\s*4\s?([BC])\s*\Z", re.IGNORECASE)
"""The stages that M1b and M1c make; AJCC codes them as 4B and 4C."""
_SPELLED = re.compile(r"[TNMR]\s?[0-4X]|IV", re.IGNORECASE)
"""What each category, margin and stage that is looked for in a name has in it."""
_LONGEST = 2000
"""Characters of a name, stage or value that is looked at: more is a report, and takes long to search."""
ANY, _M, _STAGE = "tnm-*", "tnm-m", "tnm-stage"
_UNDER = {letter: (f"tnm-{other}-*", _M, _STAGE) for letter, other in (("T", "n"), ("N", "t"))}
"""The codes under which a formula may tell T or N, but their own."""


def t_category(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read T: pathological or local before clinical; a category stands for its subcategories that are named."""
    return _staged(reader, fact, "T")


def n_category(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read N: pathological or local before clinical; a category stands for its subcategories that are named."""
    return _staged(reader, fact, "N")


def _staged(reader: Reader, fact: FactDefinition, letter: str) -> list[Candidate]:
    local = reader.local(fact)
    found = _categories(reader, fact, letter, pathological(reader, letter))
    if all(one.value is None for one in (*found, *local)):
        found += _categories(reader, fact, letter, _clinical(reader, letter))
    found += reader.unread(
        one for one in named_alone(reader) if any(_categories_in(text, letter) for text in texts_of(one))
    )
    named = {one.value for one in (*found, *local) if isinstance(one.value, str)}
    finer: dict[Found | None, Found] = {whole: frozenset(parts) for whole in named if (parts := _parts(whole, named))}
    return [replace(one, value=finer[one.value]) if one.value in finer else one for one in found]


def _parts(whole: str, named: Iterable[str]) -> list[str]:
    return [one for one in named if one != whole and one.startswith(whole)]


@once
def pathological(reader: Reader, letter: str) -> tuple[Resource, ...]:
    """Give the Observations of T or N that are pathological: by their code, or by their value where it leaves it.

    A value that is spelled as clinical is that under any code.
    """
    by_code = [one for one in reader.stated(f"{_kind(letter)}-pathological") if not _says_clinical(reader, one, letter)]
    return (*by_code, *(one for one in _unspecified(reader, letter) if _says_pathological(reader, one, letter)))


def _clinical(reader: Reader, letter: str) -> list[Resource]:
    others = [one for one in _unspecified(reader, letter) if not _says_pathological(reader, one, letter)]
    others += [one for one in reader.stated(f"{_kind(letter)}-pathological") if _says_clinical(reader, one, letter)]
    return [*reader.stated(f"{_kind(letter)}-clinical"), *others]


def _kind(letter: str) -> str:
    return f"tnm-{letter.lower()}"


@once
def _unspecified(reader: Reader, letter: str) -> tuple[Resource, ...]:
    """Give what leaves open which kind of category it is, or tells it under another name: "pT3 pN2"."""
    others = [one for one in formulas(reader, *_UNDER[letter]) if _tells(reader, one, letter)]
    return (*reader.stated(f"{_kind(letter)}-unspecified"), *others)


def _tells(reader: Reader, resource: Resource, letter: str) -> bool:
    kind = _kind(letter)
    sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    coded = any(name.startswith(kind) and not name.startswith(f"{kind}-") for name in sets)
    return coded or any(_categories_in(text, letter) for text in texts_of(resource))


def _says_pathological(reader: Reader, resource: Resource, letter: str) -> bool:
    sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    return "tnm-pathological" in sets or any(_PATHOLOGICAL[letter].search(text) for text in texts_of(resource))


def _says_clinical(reader: Reader, resource: Resource, letter: str) -> bool:
    clinical = any(_CLINICAL[letter].search(text) for text in texts_of(resource))
    return clinical and not _says_pathological(reader, resource, letter)


def _finest(categories: Iterable[str]) -> set[str]:
    """Leave out categories of which a subcategory is there: T4 beside T4b."""
    named = set(categories)
    return {one for one in named if not _parts(one, named)}


def _categories(reader: Reader, fact: FactDefinition, letter: str, resources: Iterable[Resource]) -> list[Candidate]:
    found = []
    for one in resources:
        category = _category(reader, one, fact, letter)
        if category is None and _says_none_of_ours(reader, one, letter):
            found.append(Candidate(None, one.dated, (reader.evidence(one, "tnm-*"),)))
        else:
            found.append(reader.candidate(one, fact, category, "tnm-*"))
    return found


def _says_none_of_ours(reader: Reader, resource: Resource, letter: str) -> bool:
    coded = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    return f"tnm-{letter.lower()}x" in coded or any(map(_NONE_OF_OURS[letter].search, texts_of(resource)))


def _category(reader: Reader, resource: Resource, fact: FactDefinition, letter: str) -> Found | None:
    """Give the one category that a value codes, else spells; any where it doubts one or leaves it between two."""
    concept = resource.body.get("valueCodeableConcept")
    sets = concept_sets(concept, reader.terminology)
    choices = {choice.lower(): choice for choice in fact.choices}
    coded = _finest(choice for lower, choice in choices.items() if f"tnm-{lower}" in sets)
    if len(coded) == 1:
        return coded.pop()
    named = _finest(choices[one] for text in texts_of(resource) for one in _named(text, letter) if one in choices)
    if not named and any(_is_doubted(text, letter) for text in texts_of(resource)):
        return frozenset(fact.choices)
    return named.pop() if len(named) == 1 else None


def _is_doubted(text: str, letter: str) -> bool:
    return any(found["doubted"] or found["open"] for found in _categories_in(text, letter))


def _categories_in(text: str, letter: str) -> list[re.Match[str]]:
    return [found for found in _CATEGORY.finditer(text) if found["letter"].upper() == letter]


def texts_of(resource: Resource) -> list[str]:
    """Give the texts, displays and codes of an Observation's value: registries code a category as it is written."""
    said = resource.body.get("valueString")
    spelled = [said] if isinstance(said, str) and len(said) <= _LONGEST else []
    return [*texts_in(resource.body.get("valueCodeableConcept")), *spelled]


def texts_in(concept: object) -> list[str]:
    """Give the texts, displays and codes of a concept, but codes that are mere numbers, and reports."""
    written = (coding.get("code") for coding in codings(concept))
    spelled = (text for text in written if isinstance(text, str) and not (len(text) > _NUMBERED and text.isdigit()))
    return [text for text in (*concept_texts(concept), *spelled) if len(text) <= _LONGEST]


def _named(text: str, letter: str) -> Iterable[str]:
    bare = _BARE.fullmatch(text.strip())
    if bare is not None:
        yield f"{letter}{bare[1]}{bare[2]}".lower()
    for found in affirmed(_CATEGORY, text):
        if found["letter"].upper() == letter:
            yield f"{letter}{found['stage']}".lower()


def formulas(reader: Reader, *sets: str) -> list[Resource]:
    """Give what may be a formula of TNM: its Observations, and the primary's stages, each as if it stood in one."""
    return [*reader.stated(*sets), *_stages(reader)]


@once
def _stages(reader: Reader) -> tuple[Resource, ...]:
    return tuple(
        replace(one, body={"valueCodeableConcept": stage["summary"]})
        for one in primaries(reader)
        for stage in one.body.get("stage", ())
        if "summary" in stage
    )


@once
def named_alone(reader: Reader) -> tuple[Resource, ...]:
    """Give what may spell TNM under no code of it: Observations by their name, and the names of the primary."""
    primary_names = (replace(one, body={"valueCodeableConcept": one.body["code"]}) for one in primaries(reader))
    named = (*reader.named("tnm"), *primary_names)
    return tuple(one for one in named if any(map(_SPELLED.search, texts_of(one))))


def named_pathologically(reader: Reader) -> bool:
    """Whether what spells TNM under no code of it spells a pathological category."""
    return any(_SPELLED_PATHOLOGICAL.search(text) for one in named_alone(reader) for text in texts_of(one))


@once
def several_organs(reader: Reader) -> tuple[tuple[Resource, bool], ...]:
    """Give the Observations by which more than the liver may have metastases, each with whether it surely has."""
    found = []
    staged = formulas(reader, ANY)
    # A stage group with a value of its own stands for its components there.
    whole = {group.reference for group in staged if "component" in group.body}
    parts = [part for part in reader.stated(_M) if part.reference in whole]
    for one in (*staged, *parts):
        texts = [_FOURTH_STAGE.sub(r"M1\1", text) for text in texts_of(one)]
        if _M in one.sets:
            texts = [_BARE_M.sub(r"M\1", text) for text in texts]
        if _STAGE in one.sets or one.kind == "Condition":
            texts = [_NUMBERED_STAGE.sub(r"M1\1", text) for text in texts]
        named = [text for text in texts if _is_of_several_perhaps(text)]
        coded = "tnm-m1-several-organs" in concept_sets(one.body.get("valueCodeableConcept"), reader.terminology)
        if _M in one.sets and is_elsewhere(one.body.get("bodySite"), reader.terminology):
            if coded or any(not _NO_METASTASIS.search(text) for text in texts):
                found.append((one, False))  # the place may be that of the metastasis, or the organ of another cancer
        elif coded or named:
            found.append((one, coded or any(map(_is_of_several, named))))
    spread = [
        one
        for one in named_alone(reader)
        if any(_is_of_several_perhaps(_FOURTH_STAGE.sub(r"M1\1", text)) for text in texts_of(one))
    ]
    return (*found, *((one, False) for one in spread))


def _is_of_several_perhaps(text: str) -> bool:
    return any(not met["denied"] for met in _SEVERAL_ORGANS.finditer(text))


def _is_of_several(text: str) -> bool:
    return any(affirmed(_SEVERAL_ORGANS, text)) and _ONE_ORGAN.search(text) is None
