"""Pathology of the primary: TNM, nodes, margin, and whether it is favourable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fhir_mappings.case import Gap, Known, Narrowed, Unknown
from fhir_mappings.read.conditions import primaries
from fhir_mappings.read.liver import in_liver
from fhir_mappings.read.operations import LIVER_OPERATIONS, RESECTIONS, primary_resections
from fhir_mappings.read.primary import of_the_primary, perforations
from fhir_mappings.read.references import references_of, referred
from fhir_mappings.read.settle import Candidate, Found, derived
from fhir_mappings.read.values import codings, concept_sets, concept_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhir_mappings.case import Evidence, Fact, Interval, Value
    from fhir_mappings.catalogue import FactDefinition
    from fhir_mappings.read.chart_reading import Resource
    from fhir_mappings.read.reader import Reader

_DOUBT = (
    r"(?:suspect(?:ed)?|susp\.|v\.\s?a\.|verdacht auf|fraglich\w*|wahrscheinlich|m\u00f6glich\w*|vermutlich"
    r"|prob\w+|possibl\w+)(?!\w)"
)
_BOUND = r"(?:at least|mindestens|mind\.|min\.|au moins|minstens|at most|h\u00f6chstens|max\.|maximal|up to)"
_DENIED = (
    r"(?:(?P<denied>\b(?:no|not|non|nicht|kein\w*|ohne|without|pas|sans|geen|niet|zonder)\s+"
    r"(?:(?:de|(?:evidence|signs?) of|(?:hinweis|anhalt) (?:auf|f\u00fcr))\s+)?)"
    rf"|(?P<doubted>(?:\?|[<>]=?|[\u2264\u2265]|\b{_DOUBT}|\b{_BOUND})\s*))?"
)
_LATER_DOUBT = rf",?\s+{_DOUBT}(?!\W*[yramucp]{{0,4}}[TNR]\s?[0-4])"
_OPEN = (
    rf"(?:(?P<open>[-\u2013/][0-9]|\s*\(?\?|{_LATER_DOUBT}|\s+(?:or|oder|ou|of|to|bis|vs\.?)\s+[cpyTNR]*[0-9])"
    r"|(?P<excluded>\s+(?:excluded|ausgeschlossen|exclu)\b))?"
)
"""What stands before and behind a category that a text denies, doubts, bounds or leaves between two."""
_NO_NERVE = "(?-i:(?!Pn))"
"""Pn1 is invasion of a nerve."""
_NUMBERED = 5
"""A code of more digits, as those of SNOMED CT, spells no category."""
_NOT_AFFIRMED = ("denied", "doubted", "open", "excluded")
_CATEGORY = re.compile(
    rf"{_DENIED}(?<![a-z]){_NO_NERVE}[yramucp]{{0,4}}(?P<letter>[TN])\s?(?P<stage>[0-4](?:[a-d](?![-\u2013/][a-d]\b))?)(?![0-9]){_OPEN}",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?:[yrcp]{0,3})([0-4])([a-d]?)", re.IGNORECASE)
_PATHOLOGICAL = {
    letter: re.compile(rf"(?<![a-z]){_NO_NERVE}[yra]{{0,2}}p[yra]{{0,2}}{letter}?\s?[0-4](?![0-9])", re.IGNORECASE)
    for letter in ("T", "N")
}
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
_SEVERAL_ORGANS = re.compile(rf"{_DENIED}(?<![a-z])[yramucp]{{0,4}}M\s?1\s?[bc](?![a-z]){_OPEN}", re.IGNORECASE)
_ONE_ORGAN = re.compile(r"M\s?(?:0|1\s?a)(?![a-z])", re.IGNORECASE)
_BARE_M = re.compile(r"\s*[yrcp]{0,3}(1[bc])\s*", re.IGNORECASE)
_FOURTH_STAGE = re.compile(r"(?<![a-z])IV\s?([BC])(?![a-z])", re.IGNORECASE)
"""The stages that M1b and M1c make."""
_MARGIN = re.compile(rf"{_DENIED}\bR\s?(?P<stage>[0-2])(?:(?<=2)[ab])?\b{_OPEN}", re.IGNORECASE)
_ANY_MARGIN = re.compile(r"\bR\s?[0-2X][a-z]?\b", re.IGNORECASE)
_OVERALL = "margin-overall"
_ANY, _NAMED = "tnm-*", "tnm"
_UNDER = {letter: (f"tnm-{other}-*", "tnm-m", "tnm-stage") for letter, other in (("T", "n"), ("N", "t"))}
"""The codes under which a formula may tell T or N, but their own."""
_POSITIVE_NODES = "N2"
_NODAL = "unfavourable-nodal"


def t_category(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read T: pathological or local before clinical; a category stands for its subcategories that are named."""
    return _staged(reader, fact, "T")


def _formulas(reader: Reader, *sets: str) -> list[Resource]:
    """Give what may be a formula of TNM: its Observations, and the primary's stages, each as if it stood in one."""
    stages = [
        replace(one, body={"valueCodeableConcept": stage["summary"]})
        for one in primaries(reader)
        for stage in one.body.get("stage", ())
        if "summary" in stage
    ]
    return [*reader.stated(*sets), *stages]


def n_category(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read N: pathological or local before clinical; a category stands for its subcategories that are named."""
    return _staged(reader, fact, "N")


def _staged(reader: Reader, fact: FactDefinition, letter: str) -> list[Candidate]:
    local = reader.local(fact)
    found = _categories(reader, fact, letter, pathological(reader, letter))
    if all(one.value is None for one in (*found, *local)):
        found += _categories(reader, fact, letter, _clinical(reader, letter))
    found += [
        Candidate(None, one.dated, (reader.evidence(one),), unreadable=True)
        for one in reader.named(_NAMED)
        if any(_categories_in(text, letter) for text in _spelled(one))
    ]
    named = {one.value for one in (*found, *local) if isinstance(one.value, str)}
    finer: dict[Found | None, Found] = {whole: frozenset(parts) for whole in named if (parts := _parts(whole, named))}
    return [replace(one, value=finer[one.value]) if one.value in finer else one for one in found]


def _parts(whole: str, named: Iterable[str]) -> list[str]:
    return [one for one in named if one != whole and one.startswith(whole)]


def pathological(reader: Reader, letter: str) -> list[Resource]:
    """Give the Observations of T or N that are pathological: by their code, or by their value where it leaves it.

    A value that is spelled as clinical is that under any code.
    """
    by_code = [one for one in reader.stated(f"{_kind(letter)}-pathological") if not _says_clinical(reader, one, letter)]
    return [*by_code, *(one for one in _unspecified(reader, letter) if _says_pathological(reader, one, letter))]


def _clinical(reader: Reader, letter: str) -> list[Resource]:
    others = [one for one in _unspecified(reader, letter) if not _says_pathological(reader, one, letter)]
    others += [one for one in reader.stated(f"{_kind(letter)}-pathological") if _says_clinical(reader, one, letter)]
    return [*reader.stated(f"{_kind(letter)}-clinical"), *others]


def _kind(letter: str) -> str:
    return f"tnm-{letter.lower()}"


def _unspecified(reader: Reader, letter: str) -> list[Resource]:
    """Give what leaves open which kind of category it is, or tells it under another name: "pT3 pN2"."""
    formulas = [one for one in _formulas(reader, *_UNDER[letter]) if _tells(reader, one, letter)]
    return [*reader.stated(f"{_kind(letter)}-unspecified"), *formulas]


def _tells(reader: Reader, resource: Resource, letter: str) -> bool:
    kind = _kind(letter)
    sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    coded = any(name.startswith(kind) and not name.startswith(f"{kind}-") for name in sets)
    return coded or any(_categories_in(text, letter) for text in _spelled(resource))


def _says_pathological(reader: Reader, resource: Resource, letter: str) -> bool:
    sets = concept_sets(resource.body.get("valueCodeableConcept"), reader.terminology)
    return "tnm-pathological" in sets or any(_PATHOLOGICAL[letter].search(text) for text in _spelled(resource))


def _says_clinical(reader: Reader, resource: Resource, letter: str) -> bool:
    clinical = any(_CLINICAL[letter].search(text) for text in _spelled(resource))
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
    return f"tnm-{letter.lower()}x" in coded or any(map(_NONE_OF_OURS[letter].search, _spelled(resource)))


def _category(reader: Reader, resource: Resource, fact: FactDefinition, letter: str) -> Found | None:
    """Give the one category that a value codes, else spells; any where it doubts one or leaves it between two."""
    concept = resource.body.get("valueCodeableConcept")
    sets = concept_sets(concept, reader.terminology)
    choices = {choice.lower(): choice for choice in fact.choices}
    coded = _finest(choice for lower, choice in choices.items() if f"tnm-{lower}" in sets)
    if len(coded) == 1:
        return coded.pop()
    named = _finest(choices[one] for text in _spelled(resource) for one in _named(text, letter) if one in choices)
    if not named and any(_is_doubted(text, letter) for text in _spelled(resource)):
        return frozenset(fact.choices)
    return named.pop() if len(named) == 1 else None


def _is_doubted(text: str, letter: str) -> bool:
    return any(found["doubted"] or found["open"] for found in _categories_in(text, letter))


def _categories_in(text: str, letter: str) -> list[re.Match[str]]:
    return [found for found in _CATEGORY.finditer(text) if found["letter"].upper() == letter]


def _spelled(resource: Resource) -> list[str]:
    """Give the texts, displays and codes of an Observation's value: registries code a category as it is written."""
    said = resource.body.get("valueString")
    return [*_written(resource.body.get("valueCodeableConcept")), *([said] if isinstance(said, str) else [])]


def _written(concept: object) -> list[str]:
    written = (coding.get("code") for coding in codings(concept))
    spelled = (text for text in written if isinstance(text, str) and not (len(text) > _NUMBERED and text.isdigit()))
    return [*concept_texts(concept), *spelled]


def _named(text: str, letter: str) -> Iterable[str]:
    bare = _BARE.fullmatch(text.strip())
    if bare is not None:
        yield f"{letter}{bare[1]}{bare[2]}".lower()
    for found in _affirmed(_CATEGORY, text):
        if found["letter"].upper() == letter:
            yield f"{letter}{found['stage']}".lower()


def _affirmed(pattern: re.Pattern[str], text: str) -> Iterable[re.Match[str]]:
    """Give what a pattern finds in a text that neither denies nor doubts it."""
    return (found for found in pattern.finditer(text) if not any(found.group(*_NOT_AFFIRMED)))


def several_organs(reader: Reader) -> list[tuple[Resource, bool]]:
    """Give the Observations by which M may be M1b or M1c, each with whether it surely is."""
    found = []
    for one in _formulas(reader, _ANY):
        texts = [_FOURTH_STAGE.sub(r"M1\1", text) for text in _spelled(one)]
        if "tnm-m" in one.sets:
            texts = [_BARE_M.sub(r"M\1", text) for text in texts]
        named = [text for text in texts if _is_of_several_perhaps(text)]
        coded = "tnm-m1-several-organs" in concept_sets(one.body.get("valueCodeableConcept"), reader.terminology)
        if coded or named:
            found.append((one, coded or any(map(_is_of_several, named))))
    return [*found, *((one, False) for one in reader.named(_NAMED) if any(map(_is_of_several_perhaps, _spelled(one))))]


def _is_of_several_perhaps(text: str) -> bool:
    return any(not met["denied"] for met in _SEVERAL_ORGANS.finditer(text))


def _is_of_several(text: str) -> bool:
    return any(_affirmed(_SEVERAL_ORGANS, text)) and _ONE_ORGAN.search(text) is None


def margin(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the residual tumour classification: of Observations, of a formula of TNM, and of the resection's outcome."""
    found = reader.by_name("margin")
    for resource in margins(reader):
        stage = _residual(reader, resource.body.get("valueCodeableConcept"), _spelled(resource))
        left = _left_by_all(stage, fact) if _OVERALL in resource.sets else stage
        found.append(reader.candidate(resource, fact, left, "margin", _OVERALL))
    for formula in _formulas(reader, _ANY):
        spelled = _spelled(formula)
        left = _left_by_all(_residual(reader, None, spelled), fact)
        found += _named_margin(left, spelled, formula, reader.evidence(formula, "tnm-*"))
    for named in reader.named(_NAMED):
        found += _named_margin(None, _spelled(named), named, reader.evidence(named))
    for done in primary_resections(reader):
        outcome = done.body.get("outcome")
        spelled = _written(outcome)
        found += _named_margin(_residual(reader, outcome, spelled), spelled, done, reader.evidence(done, RESECTIONS))
    return found


def _left_by_all(stage: str | None, fact: FactDefinition) -> Found | None:
    """Give the margins that a stage of all that is left of the cancer leaves: metastases alone make it R2."""
    return frozenset(fact.choices) if stage == "r2" else stage


def _named_margin(stage: Found | None, spelled: list[str], told_by: Resource, proof: Evidence) -> list[Candidate]:
    """Give the margin of what need not tell one: unreadable where it is named and no stage of it is known."""
    if stage is None and not any(map(_ANY_MARGIN.search, spelled)):
        return []
    return [Candidate(stage, told_by.dated, (proof,), unreadable=stage is None)]


def _residual(reader: Reader, concept: object, spelled: Iterable[str]) -> str | None:
    """Give the one stage of residual tumour that a concept codes, else the one that it spells."""
    sets = concept_sets(concept, reader.terminology)
    coded = {f"r{number}" for number in "012" if f"margin-r{number}" in sets}
    coded = coded or {f"r{found['stage']}" for text in spelled for found in _affirmed(_MARGIN, text)}
    return coded.pop() if len(coded) == 1 else None


def margins(reader: Reader) -> list[Resource]:
    """Give the residual tumour classifications but those of a resection of the liver alone."""
    overall = (one for one in reader.stated(_OVERALL) if "margin" not in one.sets and _names_a_stage(reader, one))
    return [
        one
        for one in (*reader.stated("margin"), *overall)
        if not _is_of_a_liver_operation(reader, one) and (not in_liver(reader, one) or _is_of_a_primary(reader, one))
    ]


def _names_a_stage(reader: Reader, resource: Resource) -> bool:
    spelled = _spelled(resource)
    coded = _residual(reader, resource.body.get("valueCodeableConcept"), spelled)
    return coded is not None or any(map(_ANY_MARGIN.search, spelled))


def _is_of_a_liver_operation(reader: Reader, found: Resource) -> bool:
    """Whether an Observation is part of an operation of the liver, and of none of the bowel."""
    whole = {referred(named, "Procedure") for named in references_of(found.body, "partOf")}
    if not whole or any(one.reference in whole for one in reader.chart.holding("Procedure", RESECTIONS)):
        return False
    return any(one.reference in whole for one in reader.chart.holding("Procedure", *LIVER_OPERATIONS))


def _is_of_a_primary(reader: Reader, found: Resource) -> bool:
    ours = {primary.reference for primary in primaries(reader)}
    return any(referred(named, "Condition") in ours for named in references_of(found.body, "focus"))


def nodes_positive(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Read the number of positive lymph nodes."""
    return reader.measured(fact, "nodes-positive")


def pathology(reader: Reader, fact: FactDefinition) -> list[Candidate]:
    """Derive unfavourable pathology: a perforation of the primary before pN2; nothing is derived from cN."""
    perforated = [
        Candidate("unfavourable-perforated", one.dated, (reader.evidence(one, "symptom-perforation", how="derived"),))
        for one in perforations(reader)
        if of_the_primary(reader, one)
    ]
    perforated += [
        Candidate("unfavourable-perforated", said.dated, derived(said.evidence))
        for said in reader.local(reader.catalogue["primary-symptoms"])
        if said.value == "perforation"
    ]
    if perforated:
        return perforated
    contested = contested_nodes(reader)
    if contested is not None:
        return _contested(*contested)
    nodal = pathological_nodes(reader)
    if nodal is None or not _is_extensive(nodal[0]):
        return []
    return [Candidate(_NODAL, nodal[1][0].dated, derived(nodal[1]))]


def _contested(nodes: Iterable[Found], proof: tuple[Evidence, ...]) -> list[Candidate]:
    """Give what reports that contradict each other on N make of the pathology, where one of them says pN2."""
    verdicts = {_NODAL if _is_extensive(one) else "favourable" for one in nodes}
    if _NODAL not in verdicts:
        return []
    return [Candidate(verdict, proof[0].dated, derived(proof)) for verdict in sorted(verdicts)]


def _is_extensive(nodes: Found) -> bool:
    """Whether N is N2 in all that it may be."""
    left = nodes if isinstance(nodes, frozenset) else {nodes}
    return all(str(one).startswith(_POSITIVE_NODES) for one in left)


def pathological_nodes(reader: Reader) -> tuple[Found, tuple[Evidence, ...]] | None:
    """Give N with its evidence where it is pathological or local, `None` where it is clinical or not known."""
    fact = reader.fact("primary-n")
    if not isinstance(fact, Known | Narrowed) or not _is_pathological(reader, fact):
        return None
    return (fact.value if isinstance(fact, Known) else fact.values), fact.evidence


def contested_nodes(reader: Reader) -> tuple[frozenset[Value | Interval], tuple[Evidence, ...]] | None:
    """Give what pathological or local sources say of N with their evidence, where they contradict each other."""
    fact = reader.fact("primary-n")
    if not isinstance(fact, Unknown) or fact.gap is not Gap.CONFLICTING or not _is_pathological(reader, fact):
        return None
    return fact.contested, fact.evidence


def _is_pathological(reader: Reader, fact: Fact) -> bool:
    entered = [one for one in reader.observations("case-facts:primary-n") if "tnm-n-clinical" not in one.sets]
    allowed = {found.reference for found in (*pathological(reader, "N"), *entered)}
    return all(proof.reference in allowed for proof in fact.evidence)
