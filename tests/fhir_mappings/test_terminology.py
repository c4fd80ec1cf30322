"""Value sets and code systems: valid FHIR, one line a code, any spelling of system and code, widened by a folder."""

from __future__ import annotations

import json
import locale
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.codesystem import CodeSystem
from fhir.resources.R4B.valueset import ValueSet

from fhir_mappings.catalogue import FACTS_SYSTEM, CatalogueError, load_catalogue, parse_catalogue
from fhir_mappings.read.topics import ANY_CANCER
from fhir_mappings.terminology import TerminologyError, load_terminology
from fhir_mappings.wiring import loose_ends
from fhir_mappings.words import could_be
from tests.charts import HCPCS
from tests.fhir_mappings.reading import terminology

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = {
    entry.name: json.loads(entry.read_text(encoding="utf-8"))
    for entry in files("fhir_mappings").joinpath("value_sets").iterdir()
    if entry.name.endswith(".json")
}
SNOMED_METASTASIS = "94381002"


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_every_document_is_valid_fhir_with_the_elements_that_tools_need(name: str) -> None:
    document = DOCUMENTS[name]
    model: Any = {"ValueSet": ValueSet, "CodeSystem": CodeSystem}[document["resourceType"]]
    model.model_validate(document)
    assert {"url", "version", "name", "status", "title"} <= document.keys()
    assert document["url"] == f"https://crlm-cds.example/fhir/{document['resourceType']}/{document['id']}"


_TIMES = (
    "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
).split()
_TURNS = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258".split()


def _check_digit_holds(code: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier fits the others (Verhoeff)."""
    state = 0
    for place, digit in enumerate(reversed(code)):
        state = int(_TIMES[state][int(_TURNS[place % 8][int(digit)])])
    return state == 0


def test_every_snomed_code_has_its_check_digit() -> None:
    codes = {
        concept["code"]
        for document in DOCUMENTS.values()
        for include in document.get("compose", {}).get("include", ())
        if include["system"] == "http://snomed.info/sct"
        for concept in include.get("concept", ())
    }
    assert SNOMED_METASTASIS in codes
    assert {code for code in codes if not _check_digit_holds(code)} == set()


def test_the_case_facts_system_holds_every_fact_and_choice() -> None:
    codes = terminology().code_systems["case-facts"].codes
    facts = load_catalogue().facts
    wanted = set(facts) | {choice for fact in facts.values() for choice in fact.choices}
    assert set(codes) == wanted
    assert terminology().code_systems["case-facts"].url == FACTS_SYSTEM


def test_the_strategies_are_those_of_the_public_contract() -> None:
    assert list(terminology().code_systems["strategy"].codes) == [
        "staged",
        "liver-first",
        "simultaneous",
        "systemic-first",
        "metachronous",
        "mdt",
        "undetermined",
    ]


def test_every_source_of_the_catalogue_is_a_value_set_and_every_reader_exists() -> None:
    assert list(loose_ends(load_catalogue(), terminology())) == []


def test_what_a_new_fact_names_and_is_not_there_is_told() -> None:
    start = '[fact.{}]\ntitle = "a"\nquestion = "a?"\nkind = "integer"\n'
    sources = 'sources = { Observation = ["ecog", "ecogg"], Observatoin = ["strategy:staged", "strategy:stagged"] }\n'
    text = (
        start.format("a") + 'reader = "fitness.nobody"\n'
        + start.format("b") + 'reader = "nowhere.ecog"\n'
        + start.format("c") + 'reader = "local"\n' + sources
    )  # fmt: skip
    assert list(loose_ends(parse_catalogue(text), terminology())) == [
        "fact a: there is no reader 'fitness.nobody'",
        "fact b: there is no reader 'nowhere.ecog'",
        "fact c: there is no value set 'ecogg'",
        "fact c: resources of the type 'Observatoin' are not read",
        "fact c: there is no value set 'strategy:stagged'",
    ]


SPELLINGS = [
    ("http://snomed.info/sct", SNOMED_METASTASIS),
    ("https://snomed.info/sct/", SNOMED_METASTASIS),
    ("http://snomed.info/sct|http://snomed.info/sct/731000124108", SNOMED_METASTASIS),
    ("http://snomed.info/sct/900000000000207008/version/20250101", f" {SNOMED_METASTASIS} "),
    ("urn:oid:2.16.840.1.113883.6.96", SNOMED_METASTASIS),
    ("2.16.840.1.113883.6.96", SNOMED_METASTASIS),
    ("URN:OID:2.16.840.1.113883.6.96", SNOMED_METASTASIS),
    ("http://hl7.org/fhir/sid/icd-10", "C78.7"),
    ("http://hl7.org/fhir/sid/icd-10", "c787"),
    ("urn:oid:2.16.840.1.113883.6.3", "C 78.7"),
    ("urn:oid:2.16.840.1.113883.6.3", "C78.7+"),
    ("http://hl7.org/fhir/sid/icd-10-cm/", "C78.7"),
    ("http://hl7.org/fhir/sid/icd-10-am", "C78.7"),
    ("http://hl7.org/fhir/sid/icd-10-fr", "C787"),
    ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "C78.7"),
    ("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "C787"),
    ("https://smt.esante.gouv.fr/terminologie-cim-10", "C78.7"),
    ("https://smt.esante.gouv.fr/terminologie-cim-10/", "C787"),
    ("http://id.who.int/icd/release/10/2019", "C78.7"),
]


@pytest.mark.parametrize(("system", "code"), SPELLINGS)
def test_a_code_is_found_in_every_spelling(system: str, code: str) -> None:
    assert terminology().sets(system, code) == {"liver-metastasis"}
    assert terminology().reads(system)


@pytest.mark.parametrize("code", ["K56.6G", "K566V", "K56.6 A", "k56.6 g r", "K56.60 GL"])
def test_a_german_code_is_found_with_the_letters_of_its_certainty_and_side(code: str) -> None:
    system = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
    assert terminology().sets(system, code) == {"symptom-obstruction"}
    assert terminology().sets(system, "Z90.4 G") == {"resection-hint"}
    assert terminology().sets(system, "K56.7 G") == frozenset()


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://snomed.info/sct", "943810021"),
        ("http://snomed.info/scts", SNOMED_METASTASIS),
        ("http://hl7.org/fhir/sid/icd-9-cm", "C78.7"),
        ("http://loinc.org", "C78.7"),
        ("", "C78.7"),
        (None, "C78.7"),
        ("http://hl7.org/fhir/sid/icd-10", ""),
        ("http://hl7.org/fhir/sid/icd-10", None),
        ("http://hl7.org/fhir/sid/icd-10", "XC78.7"),
        ("https://fhir.hl7.org.uk/Id/opcs-4", "J02.1X"),
    ],
)
def test_other_codes_and_systems_are_not(system: str | None, code: str | None) -> None:
    assert terminology().sets(system, code) == frozenset()


def test_nothing_that_a_chart_says_is_kept_between_calls() -> None:
    known = load_terminology()
    before = dict(known._as_written)  # noqa: SLF001  what is kept cannot be seen otherwise
    system = "http://hl7.org/fhir/sid/icd-10-cm"
    assert all(known.sets(system, code) for code in ("C18.3", "C18.3OFSOMEBODY", " c18.3 "))
    assert known._as_written == before  # noqa: SLF001


def test_the_urls_of_the_us_and_british_systems() -> None:
    for system in ("http://www.ama-assn.org/go/cpt", "https://ama-assn.org/go/cpt/", "urn:oid:2.16.840.1.113883.6.12"):
        assert "hepatectomy-major" in terminology().sets(system, "47130")
    for code in ("J02.1", "J021", "j02.1"):
        assert "hepatectomy-major" in terminology().sets("https://fhir.hl7.org.uk/Id/opcs-4", code)
    for system in (HCPCS, "urn:oid:2.16.840.1.113883.6.285", "http://www.ama-assn.org/go/cpt"):
        assert {"drug-oxaliplatin", "antineoplastic"} <= terminology().sets(system, "J9263")
        assert "hepatectomy-major" in terminology().sets(system, "47130")
    assert "gene-ras" in terminology().sets("http://www.genenames.org/geneId", "6407")
    assert "drug-oxaliplatin" in terminology().sets("urn:oid:2.16.840.1.113883.6.88", "32592")


def value_set(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ValueSet",
        "url": "https://crlm-cds.example/fhir/ValueSet/liver-metastasis",
        "status": "active",
    } | more


def write(folder: Path, **documents: Any) -> Path:
    for name, document in documents.items():
        text = document if isinstance(document, str) else json.dumps(document)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_widens_the_shipped_sets_by_compose_and_expansion(tmp_path: Path) -> None:
    snomed = "http://snomed.info/sct"
    contains = [{"system": snomed, "code": "1", "abstract": True, "contains": [{"system": snomed, "code": "2"}]}]
    compose = {"include": [{"system": snomed, "concept": [{"code": "3"}], "filter": [{"property": "concept"}]}]}
    widened = load_terminology(write(tmp_path, one=value_set(expansion={"contains": contains}, compose=compose)))
    found = {code: bool(widened.sets(snomed, code)) for code in ("1", "2", "3", SNOMED_METASTASIS)}
    assert found == {"1": False, "2": True, "3": True, SNOMED_METASTASIS: True}


def test_a_folder_is_read_as_utf_8_in_every_locale(tmp_path: Path) -> None:
    concept = {"code": "3", "display": "M\u00e9tastase h\u00e9patique"}
    document = value_set(compose={"include": [{"system": "http://snomed.info/sct", "concept": [concept]}]})
    (tmp_path / "one.json").write_bytes(json.dumps(document, ensure_ascii=False).encode())
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        widened = load_terminology(tmp_path)
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    assert widened.sets("http://snomed.info/sct", "3") == {"liver-metastasis"}


def test_every_fault_of_a_folder_is_told_at_once(tmp_path: Path) -> None:
    bad_filter = {
        "include": [{"system": "http://loinc.org", "filter": [{"property": "code", "op": "regex", "value": "("}]}]
    }
    unknown = {"include": [{"system": "http://x.example", "concept": [{"code": "1"}]}]}
    folder = write(
        tmp_path, a=value_set(compose=bad_filter), b=value_set(compose=unknown), c=[], d={"resourceType": "X"}
    )
    with pytest.raises(TerminologyError) as caught:
        load_terminology(folder)
    assert str(caught.value).splitlines() == [
        "c.json: is neither a ValueSet with url nor a CodeSystem",
        "d.json: is neither a ValueSet with url nor a CodeSystem",
        "a.json: regex '(': missing ), unterminated subpattern at position 0",
        "b.json: system 'http://x.example' is not in systems.toml",
    ]


SNOMED = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (value_set(compose=[]), "compose or expansion is not of FHIR's shape"),
        (value_set(compose={"include": [{"system": 7, "concept": [{"code": "1"}]}]}), "compose or expansion"),
        (value_set(compose={"include": [{"system": SNOMED, "concept": [{"code": 1}]}]}), "compose or expansion"),
        (value_set(compose={"include": [{"system": SNOMED, "concept": [{}]}]}), "compose or expansion"),
        (value_set(expansion={"contains": ["1"]}), "compose or expansion"),
        (value_set(expansion=None), "compose or expansion"),
        (value_set(url=7), "is neither a ValueSet with url nor a CodeSystem"),
        ({"resourceType": "CodeSystem", "url": "https://x.example/y"}, "concept is not of FHIR's shape"),
        ({"resourceType": "CodeSystem", "url": 7, "concept": []}, "is neither a ValueSet with url nor a CodeSystem"),
    ],
)
def test_a_document_of_an_odd_shape_is_a_fault_of_its_file(tmp_path: Path, document: Any, fault: str) -> None:
    with pytest.raises(TerminologyError, match=f"^a.json: {fault}"):
        load_terminology(write(tmp_path, a=document))


def including(**more: Any) -> dict[str, Any]:
    return value_set(compose={"include": [{"system": SNOMED, **more}]})


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (including(filter=[{"property": "concept", "op": "is-a", "value": "1"}]), "a filter by concept is-a"),
        (including(valueSet=["https://x.example/ValueSet/y"]), "an include of a valueSet"),
        (including(), "an include of a whole system"),
        (value_set(compose={"include": [], "exclude": [{"system": SNOMED}]}), "an exclude"),
    ],
)
def test_what_only_a_terminology_server_can_read_is_told_and_not_left_out(
    tmp_path: Path, document: dict[str, Any], part: str
) -> None:
    told = f"a.json: {part} is not read: list the codes, or add the expansion"
    with pytest.raises(TerminologyError) as caught:
        load_terminology(write(tmp_path, a=document))
    assert str(caught.value) == told
    expanded = document | {"expansion": {"contains": [{"system": SNOMED, "code": "2"}]}}
    assert load_terminology(write(tmp_path, a=expanded)).sets(SNOMED, "2") == {"liver-metastasis"}


def test_a_pattern_that_cannot_stand_among_others_is_told(tmp_path: Path) -> None:
    with pytest.raises(TerminologyError, match=r"^a\.json: regex '\(\?i\)c78': global flags not at the start"):
        load_terminology(write(tmp_path, a=including(filter=[{"property": "code", "op": "regex", "value": "(?i)c78"}])))


def test_a_set_that_would_widen_none_is_told(tmp_path: Path) -> None:
    document = including(concept=[{"code": "3"}]) | {"url": "https://crlm-cds.example/fhir/ValueSet/liver-metastases"}
    with pytest.raises(TerminologyError) as caught:
        load_terminology(write(tmp_path, a=document))
    assert str(caught.value) == "a.json: no value set that ships is called 'liver-metastases', so it widens none"


def test_a_folder_called_like_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(TerminologyError, match=r"^a\.json: cannot be read$"):
        load_terminology(tmp_path)


def test_a_folder_that_is_none_or_holds_no_json_is_told(tmp_path: Path) -> None:
    with pytest.raises(TerminologyError, match="is no folder that can be read"):
        load_terminology(tmp_path / "missing")
    with pytest.raises(TerminologyError, match=r"a\.json: is not JSON"):
        load_terminology(write(tmp_path, a="{"))


TEXTS = [
    ("Condition", "Colorectal liver metastases, segm. IV + VII", {"primary", "liver-metastasis"}),
    ("Condition", "Lebermetastasen bei Kolonkarzinom", {"primary", "liver-metastasis"}),
    ("Condition", "Leberfiliae bei Sigma-Ca", {"primary", "liver-metastasis"}),
    ("Condition", "liver clinic, affiliated", set()),
    ("Condition", "M\u00e9tastases h\u00e9patiques", {"liver-metastasis"}),
    ("Condition", "Met\u00e1stasis hep\u00e1ticas", {"liver-metastasis"}),
    ("Condition", "Tumeur maligne secondaire du foie", {"liver-metastasis"}),
    ("Condition", "Tumor maligno secundario del h\u00edgado", {"liver-metastasis"}),
    ("Condition", "Sekund\u00e6r ondartet svulst i lever", {"liver-metastasis"}),
    ("Condition", "Rektumkarzinom", {"primary"}),
    ("Condition", "CRLM", {"primary", "liver-metastasis"}),
    ("Condition", "Carcinoma del sigma", {"primary"}),
    ("Condition", "C78.7", {"liver-metastasis"}),
    ("Condition", "197.7", {"liver-metastasis"}),
    ("Condition", "C18.7 / C787", {"primary", "liver-metastasis"}),
    ("Condition", "154.1", {"primary"}),
    ("Condition", "c20", {"primary"}),
    ("Condition", "C18.1, C180.", {"primary"}),
    ("Condition", "C18.1", set()),
    ("Condition", "C78.0, C201, C22.0", {"metastasis-elsewhere"}),
    ("Condition", "C77.2, C78.8, C201", set()),
    ("Condition", "197.6", {"metastasis-elsewhere"}),
    ("Condition", "Peritonealkarzinose", {"metastasis-elsewhere"}),
    ("Condition", "Tumor maligno secundario del pulm\u00f3n", {"metastasis-elsewhere"}),
    ("Condition", "Liver and lung metastases", {"liver-metastasis", "metastasis-elsewhere"}),
    ("Condition", "Hypertension secondary to kidney disease", set()),
    ("Procedure", "C78.7", set()),
    ("Condition", "Hepatitis B", set()),
    ("Condition", "Polyp of colon", set()),
    ("Condition", "Lung cancer", set()),
    ("Procedure", "RFA liver seg VIII", {"operation"}),
    ("Procedure", "H\u00e9micolectomie droite", {"operation"}),
    ("Procedure", "Colonoscopy", set()),
    ("Procedure", "Sigmoidoscopy", set()),
    ("Procedure", "Appendectomy", set()),
    ("MedicationRequest", "FOLFOX cycle 1", {"systemic-therapy"}),
    ("MedicationRequest", "Aspirin", set()),
    ("Observation", "ECOG PS", {"measurement"}),
    ("Observation", "Haemoglobin", set()),
    ("Claim", "liver metastases", set()),
    ("Condition", "", set()),
]


@pytest.mark.parametrize(("kind", "text", "topics"), TEXTS)
def test_text_is_only_asked_what_it_could_be_about(kind: str, text: str, topics: set[str]) -> None:
    assert could_be(kind, text) - ANY_CANCER == topics


def test_every_fault_of_a_catalogue_is_told_at_once() -> None:
    text = """
[facts.a]
title = "a"
[fact.a]
title = "a"
question = "a?"
kind = "choice"
reader = "local"
choices = ["x"]
yes = "z"
sources = { Observation = "ecog" }
[fact.b]
kind = "wrong"
colour = "red"
[fact.c]
title = "c"
question = "c?"
kind = "number"
reader = "local"
"""
    with pytest.raises(CatalogueError) as caught:
        parse_catalogue(text)
    assert str(caught.value).splitlines() == [
        "unknown key 'facts': facts are tables headed [fact.CODE]",
        "fact a: yes must be one of its choices",
        "fact a: sources must be lists of value sets by resource type",
        "fact b: unknown key 'colour'",
        "fact b: title is missing",
        "fact b: question is missing",
        "fact b: reader is missing",
        "fact b: kind must be one of boolean, integer, number, choice, date",
        "fact c: a number needs a unit",
    ]
    with pytest.raises(CatalogueError, match="no facts"):
        parse_catalogue("")
    with pytest.raises(CatalogueError):
        parse_catalogue("[")
    assert load_catalogue()["ecog"].name == "ecog"
