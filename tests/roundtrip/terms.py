"""Codes as charts write them: every member of a value set, codes that its patterns mean, systems in any spelling."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

Json = dict[str, Any]
Term = tuple[str, str]
"""System and code."""

FACTS = "https://crlm-cds.example/fhir/CodeSystem/case-facts"
STRATEGIES = "https://crlm-cds.example/fhir/CodeSystem/strategy"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10"
ICD_CM = "http://hl7.org/fhir/sid/icd-10-cm"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
OPCS = "https://fhir.hl7.org.uk/Id/opcs-4"
UCUM = "http://unitsofmeasure.org"

_SETS = Path(__file__).parents[2] / "fhir_mappings" / "value_sets"
_DOTTED = frozenset({ICD, ICD_CM, OPCS})

_SPELLINGS: dict[str, tuple[str, ...]] = {
    SNOMED: ("urn:oid:2.16.840.1.113883.6.96", "https://snomed.info/sct", f"{SNOMED}/", f"{SNOMED}/900000000000207008"),
    LOINC: ("urn:oid:2.16.840.1.113883.6.1", "https://loinc.org", f"{LOINC}/", f"{LOINC}|2.78"),
    ICD: ("urn:oid:2.16.840.1.113883.6.3", ICD_CM, "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
    ICD_CM: ("urn:oid:2.16.840.1.113883.6.90", ICD, f"{ICD_CM}|2026"),
    PCS: ("urn:oid:2.16.840.1.113883.6.4", "http://hl7.org/fhir/sid/icd-10-pcs"),
    OPCS: ("https://fhir.hl7.org.uk/CodeSystem/OPCS-4",),
    "http://www.ama-assn.org/go/cpt": ("urn:oid:2.16.840.1.113883.6.12", "https://www.ama-assn.org/go/cpt"),
    "http://www.nlm.nih.gov/research/umls/rxnorm": ("urn:oid:2.16.840.1.113883.6.88",),
    "http://www.whocc.no/atc": ("urn:oid:2.16.840.1.113883.6.73",),
}

_PATTERNED: dict[str, tuple[Term, ...]] = {
    "primary-site-caecum": ((ICD, "C18.0"),),
    "primary-site-ascending-colon": ((ICD, "C18.2"),),
    "primary-site-hepatic-flexure": ((ICD, "C18.3"),),
    "primary-site-transverse-colon": ((ICD, "C18.4"),),
    "primary-site-splenic-flexure": ((ICD, "C18.5"),),
    "primary-site-descending-colon": ((ICD, "C18.6"),),
    "primary-site-sigmoid-colon": ((ICD, "C18.7"),),
    "primary-site-colon-unspecified": ((ICD, "C18.9"), (ICD, "C18.8"), (ICD, "C18")),
    "primary-site-rectosigmoid": ((ICD, "C19"),),
    "primary-site-rectum-unspecified": ((ICD, "C20"),),
    "liver-metastasis": ((ICD, "C78.7"),),
    "metastasis-elsewhere": (
        *((ICD, code) for code in ("C78.0", "C78.6", "C79.3", "C79.51", "C77.0", "C77.1", "C77.3", "C77.4")),
        *((ICD_CM, code) for code in ("C78.00", "C78.02", "C79.31")),
    ),
    "symptom-obstruction": ((ICD_CM, "K56.609"), (ICD_CM, "K56.699"), (ICD, "K56.6")),
    "symptom-perforation": ((ICD, "K63.1"),),
    "symptom-bleeding": ((ICD, "K92.2"), (ICD, "K62.5")),
    "symptom-anaemia": ((ICD, "D50.0"), (ICD, "D50.9")),
    "liver-condition-steatosis": ((ICD, "K76.0"),),
    "liver-condition-cirrhosis": ((ICD, "K74.6"), (ICD_CM, "K74.60")),
    "resection-right-hemicolectomy": (
        *((PCS, f"0D{way}{part}{by}ZZ") for way in "BT" for part in "FHK" for by in "04"),
        (OPCS, "H06.1"),
        (OPCS, "H07.9"),
    ),
    "resection-left-hemicolectomy": (
        *((PCS, f"0D{way}{part}{by}ZZ") for way in "BT" for part in "GM" for by in "04"),
        (OPCS, "H09.2"),
    ),
    "resection-transverse-colectomy": ((PCS, "0DTL0ZZ"), (PCS, "0DBL4ZZ"), (OPCS, "H08.3")),
    "resection-sigmoid-or-high-anterior-resection": ((PCS, "0DTN0ZZ"), (PCS, "0DBN4ZZ"), (OPCS, "H10.1")),
    "resection-total-colectomy": ((PCS, "0DTE0ZZ"), (PCS, "0DTE4ZZ"), (OPCS, "H05.1"), (OPCS, "H29.4")),
    "resection-proctocolectomy": ((OPCS, "H04.1"),),
    "resection-hartmann": ((OPCS, "H33.5"),),
    "resection-abdominoperineal-resection": ((OPCS, "H33.1"),),
    "resection-low-anterior-resection": ((OPCS, "H33.2"),),
    "resection-anterior": ((OPCS, "H33.3"), (OPCS, "H33.4")),
    "resection-segmental": ((PCS, "0DBE0ZZ"), (OPCS, "H11.9")),
    "hepatectomy-major": ((PCS, "0FT10ZZ"), (PCS, "0FT24ZZ"), (OPCS, "J02.1"), (OPCS, "J02.6"), (OPCS, "J02.7")),
    "hepatectomy-minor": ((PCS, "0FB00ZZ"), (PCS, "0FB14ZZ"), (OPCS, "J02.3"), (OPCS, "J02.4"), (OPCS, "J03.2")),
    "liver-ablation": ((PCS, "0F500ZZ"), (PCS, "0F523ZZ")),
}
"""Codes that case-facts.md names by ranges and prefixes."""


@cache
def members(set_id: str) -> tuple[Term, ...]:
    """Give the codes of a value set, those that its patterns mean included."""
    document = json.loads((_SETS / f"{set_id}.json").read_text(encoding="utf-8"))
    listed = [
        (include["system"], concept["code"])
        for include in document["compose"]["include"]
        for concept in include.get("concept", ())
    ]
    return (*listed, *_PATTERNED.get(set_id, ()))


def any_of(random: Random, *set_ids: str) -> Term:
    """Draw a code from value sets."""
    return random.choice([term for set_id in set_ids for term in members(set_id)])


def coding(random: Random, term: Term) -> Json:
    """Write one coding, its system and code in some spelling."""
    system, code = term
    if random.random() < 0.25:
        system = random.choice((system, *_SPELLINGS.get(system, ())))
    if random.random() < 0.1 and term[0] in _DOTTED:
        code = code.replace(".", "")
    if random.random() < 0.05:
        code = f" {code} "
    written: Json = {"system": system, "code": code}
    if random.random() < 0.2:
        written |= {"display": "as the hospital calls it", "version": "2026", "userSelected": True}
    return written


_BESIDE: tuple[Json, ...] = (
    {"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "999.9"},
    {"system": "urn:oid:1.2.3.4.5.6", "code": "LOCAL-17", "display": "local"},
    {"display": "a display alone"},
    {"system": "https://hospital.example/codes", "code": "4711"},
)


def concept(random: Random, *terms: Term) -> Json:
    """Write a CodeableConcept with these codes, sometimes beside codes that mean nothing here."""
    codings = [coding(random, term) for term in terms]
    if random.random() < 0.25:
        codings.insert(random.randint(0, len(codings)), dict(random.choice(_BESIDE)))
    written: Json = {"coding": codings}
    if len(codings) == 1 and random.random() < 0.03:
        written = {"coding": codings[0]}
    if random.random() < 0.2:
        written["text"] = "entered by hand"
    return written
