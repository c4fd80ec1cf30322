"""Conditions whose code is read and in no value set, or says one of the diseases: what their names leave open."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from fhir_mappings.bundle import read_source
from fhir_mappings.case import Issue, Scope
from fhir_mappings.screen import may_be_in_scope
from tests.charts import ICD10, ICD10CM, SNOMED, Resource, concept, condition
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, terminology

NAMED = "known by its text alone: code not mapped"
BREAST = condition("breast", (ICD10CM, "C50.911"))
RESOLVED = {"clinicalStatus": concept("urn:x", "resolved")}

LIVER_NAMES = [
    "Metastatic malignant neoplasm to liver and intrahepatic bile duct",
    "Secondary malignant neoplasm of right lobe of liver (disorder)",
    "Secondary adenocarcinoma of liver",
    "Lymph node and liver mets",
    "Sekundäre bösartige Neubildung der Leber",
    "Multiple Lebermetastasen",
    "Hepatische Filiae",
    "Lebermetastasen (HCC ausgeschlossen)",
    "Adenokarzinom, cM1 (HEP)",
    "Métastases hépatiques",
    "Tumeur maligne secondaire du foie et des voies biliaires intrahépatiques",
    "Metástasis hepáticas",
    "Neoplasia maligna secundaria de hígado",
    "Levermetastasen",
    "Uitzaaiingen in de lever",
    "Secundaire maligniteit van lever",
    "Metastasi epatiche",
    "Tumori maligni secondari del fegato",
    "Neoplasia maligna secundária do fígado",
    "Metástases hepáticas",
    "Levermetastaser",
    "Przerzuty do wątroby",
    "Wtórny nowotwór złośliwy wątroby",
    "Neoplasma malignum secundarium hepatis",
    "Hepatische Absiedlungen eines Karzinoms",
    "Tochtergeschwülste der Leber",
    "Lebermets",
    "Métas hépatiques",
    "Levermeta's",
    "Secondary liver cancer (HCC)",
]
PRIMARY_NAMES = [
    "Primary adenocarcinoma of descending colon (disorder)",
    "Overlapping malignant neoplasm of colon and rectum",
    "Malignant tumor of hepatic flexure (disorder)",
    "Microsatellite instability-high colorectal cancer (disorder)",
    "Familial colorectal cancer type X (disorder)",
    "Local recurrence of malignant tumor of colon (disorder)",
    "Mucinous carcinoma of large intestine",
    "Bowel cancer",
    "Malignant tumor of intestine",
    "Malignant neoplasm of intestinal tract, part unspecified",
    "Neoplasm of sigmoid colon",
    "Colon cancer without obstruction, not otherwise specified",
    "Colon cancer, family history of breast cancer",
    "Colon cancer, no evidence of disease",
    "Colon cancer; benign prostatic hyperplasia",
    "No evidence of recurrence of colon cancer",
    "Kolonkarzinom, kein Hinweis auf Fernmetastasen",
    "History of malignant neoplasm of colon (situation)",
    "CRC",
    "Cecal cancer",
    "Dickdarmkrebs",
    "Enddarmkrebs",
    "Mastdarmkarzinom",
    "Bösartige Neubildung des Rektums",
    "Sigma-Ca",
    "Cancer du gros intestin",
    "Adénocarcinome lieberkühnien du cæcum",
    "Cancer colo-rectal",
    "Cáncer colorrectal",
    "Neoplasia maligna de recto",
    "Cáncer de ciego",
    "Dikkedarmkanker",
    "Rectumcarcinoom",
    "Carcinoma del retto",
    "Carcinoma rettale",
    "Neoplasia maligna del grosso intestino",
    "Cancro do reto",
    "Câncer colorretal",
    "Carcinoma retal",
    "Tyktarmskræft",
    "Tjocktarmscancer",
    "Ändtarmscancer",
    "Rak odbytnicy",
    "Nowotwór złośliwy okrężnicy",
    "Nowotwór złośliwy esicy",
    "Carcinoma coli",
    "Adenocarcinoma recti",
    "Carcinoma caeci",
    "KRK",
    "mCRC",
    "Cancer colique",
    "Tykktarmskreft",
    "K colon",
    "K del retto",
]
BOTH_NAMES = [
    "Metastasis to liver from adenocarcinoma of colon (disorder)",
    "Colon cancer metastasized to liver (HCC)",
    "Sigmakarzinom mit Lebermetastasen",
    "Z.n. Sigmaresektion bei Sigmakarzinom, jetzt Lebermetastasen",
    "Cancer du côlon avec métastases hépatiques",
    "Colorectaal carcinoom met levermetastasen",
    "CRLM",
]
OTHER_NAMES = [
    "Family history of malignant neoplasm of colon",
    "Familial anamnesis: cancer of rectum",
    "Hereditary nonpolyposis colon cancer",
    "Screening for malignant neoplasm of colon",
    "At increased risk of colorectal cancer",
    "Genetic susceptibility to colorectal cancer",
    "Rectovaginal (septum) malignant neoplasm",
    "Malignant neoplasm of gastrointestinal tract NOS",
    "Suspected colorectal cancer",
    "Carcinoma in situ of colon",
    "Benign neoplasm of colon",
    "Gutartige Neubildung: Rektum",
    "Neoplasm of uncertain behavior of colon",
    "Neubildung unsicheren Verhaltens: Kolon",
    "Neuroendocrine tumor of rectum",
    "Malignant carcinoid tumor of colon",
    "Malignant lymphoma of colon",
    "Gastrointestinal stromal tumor of colon",
    "No evidence of malignant neoplasm of colon",
    "Malignant neoplasm of rectum excluded",
    "Malignant tumor of small intestine",
    "Dünndarmkarzinom",
    "Metastatic malignant neoplasm to colon (disorder)",
    "Metastasis to colon of unknown primary (disorder)",
    "Leiomyosarcoma of colon (disorder)",
    "Secondary malignant neoplasm of large intestine and rectum",
    "Sekundäre bösartige Neubildung des Dickdarmes und des Rektums",
    "Tumeur maligne secondaire du gros intestin et du rectum",
    "MRSA colonization, cancer ward",
    "Diverticulosis of colon",
    "Escherichia coli sepsis in cancer",
    "E. coli infection, breast cancer",
    "History of metastasis to liver",
    "History of cancer metastatic to liver",
    "Family history of liver metastasis",
    "No evidence of liver metastases",
    "Kein Hinweis auf Lebermetastasen",
    "Suspected metastasis to liver",
    "Metastasis from malignant tumor of liver",
    "Metastatic hepatocellular carcinoma",
    "Metastatic neuroendocrine tumor to liver",
    "Secondary malignant neoplasm of hepatic lymph nodes",
    "Metastasis to porta hepatis lymph node",
    "Malignant neoplasm of liver, not specified as primary or secondary",
    "Hepatic encephalopathy secondary to cirrhosis",
    "Portal hypertension due to secondary biliary cirrhosis of liver",
    "Hepatitis B, breast cancer metastatic to bone",
    "Metastatic calcification of liver",
    "Metastasis to lung",
    "Essential hypertension",
]


def named(name: str, code: str = "1", system: str = SNOMED, **more: Any) -> Resource:
    return condition("n", (system, code), **more) | {"code": concept(system, code) | {"text": name}}


def sited(code: dict[str, Any], *places: dict[str, Any]) -> Resource:
    return condition("n", (SNOMED, "1")) | {"code": code, "bodySite": list(places)}


def scope_of(*resources: Resource) -> Scope:
    """Read a chart as it arrives: what the scan leaves out is not read, and the first look must not say no to it."""
    kept = [one for found in resources for one in read_source(orjson.dumps(found), terminology()).resources]
    found = read(*kept).scope
    assert may_be_in_scope(kept, terminology()) or found is Scope.OUT
    return found


@pytest.mark.parametrize("name", LIVER_NAMES)
def test_a_liver_metastasis_known_by_its_name_leaves_the_scope_open_beside_a_primary(name: str) -> None:
    found = named(name)
    asked = [scope_of(PRIMARY, found), scope_of(PRIMARY, found | {"code": {"text": name}})]
    silent = [scope_of(BREAST, found), scope_of(PRIMARY, found | RESOLVED)]
    assert (asked, silent) == ([Scope.UNCERTAIN] * 2, [Scope.OUT] * 2)
    assert read(PRIMARY, found).issues == (Issue("Condition/n", NAMED, "flagged"),)


@pytest.mark.parametrize("name", PRIMARY_NAMES)
def test_a_primary_known_by_its_name_leaves_the_scope_open_beside_a_liver_metastasis(name: str) -> None:
    found = named(name)
    asked = [scope_of(LIVER, one) for one in (found, found | RESOLVED, found | {"code": {"text": name}})]
    silent = [scope_of(found), scope_of(BREAST, found), scope_of(LIVER, BREAST)]
    assert (asked, silent) == ([Scope.UNCERTAIN] * 3, [Scope.OUT] * 3)


@pytest.mark.parametrize("name", BOTH_NAMES)
def test_a_name_of_both_diseases_leaves_the_scope_open_whatever_its_code_says(name: str) -> None:
    codes = [("1", SNOMED), ("C18.7", ICD10), ("C78.7", ICD10), ("Z85.038", ICD10CM)]
    assert [scope_of(named(name, *code)) for code in codes] == [Scope.UNCERTAIN] * 4


@pytest.mark.parametrize("name", OTHER_NAMES)
@pytest.mark.parametrize("beside", [PRIMARY, LIVER], ids=["primary", "metastasis"])
def test_a_name_of_something_else_leaves_the_chart_out(name: str, beside: Resource) -> None:
    assert scope_of(beside, named(name)) is Scope.OUT


@pytest.mark.parametrize(
    ("code", "name", "beside"),
    [
        ("C22.0", "Liver cancer, metastatic", PRIMARY),
        ("C78.00", "Metastases to lung and liver", PRIMARY),
        ("C79.9", "Metastatic cancer, liver", PRIMARY),
        ("C25.9", "Pancreatic cancer metastatic to liver", PRIMARY),
        ("C18.7", "Sigmoid cancer", PRIMARY),
        ("C18.7", "Sigmoid cancer, no evidence of liver metastases", PRIMARY),
        ("C18.3", "Malignant neoplasm of hepatic flexure with nodal metastasis", PRIMARY),
        ("C21.0", "Anal cancer involving rectum", LIVER),
        ("C7A.025", "Malignant carcinoid tumor of the sigmoid colon", LIVER),
        ("C50.911", "Breast cancer; colon cancer", LIVER),
        ("C78.7", "Secondary malignant neoplasm of liver and intrahepatic bile duct", LIVER),
    ],
)
def test_a_code_of_another_disease_is_not_overruled_by_a_name(code: str, name: str, beside: Resource) -> None:
    assert scope_of(beside, named(name, code, ICD10CM)) is Scope.OUT


def test_the_name_of_a_primary_does_not_bring_back_a_metastasis_that_is_resolved() -> None:
    primary = named("Colon cancer with liver metastases", "C18.9", ICD10CM)
    assert [scope_of(primary, LIVER | RESOLVED), scope_of(primary)] == [Scope.OUT, Scope.UNCERTAIN]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"stage": [{"summary": {"text": "UICC IVA, cM1a (HEP)"}}]}, Scope.UNCERTAIN),
        ({"stage": [{"summary": {"text": "UICC IV"}}, {"type": {"text": "Metastases: liver"}}]}, Scope.UNCERTAIN),
        ({"stage": {"summary": {"coding": [{"display": "Stage IVA, liver metastases only"}]}}}, Scope.UNCERTAIN),
        ({"evidence": [{"code": [{"text": "Liver metastases on CT"}]}]}, Scope.UNCERTAIN),
        ({"evidence": [{"code": [concept(SNOMED, "94381002")]}]}, Scope.UNCERTAIN),
        ({"evidence": [{"code": [concept(SNOMED, "94391008")]}]}, Scope.OUT),
        ({"evidence": [{"code": [{"text": "No evidence of liver metastases"}]}]}, Scope.OUT),
        ({"evidence": "x", "stage": ["x", {"summary": "liver metastases"}]}, Scope.OUT),
        ({"stage": [{"summary": {"text": "UICC IVA, cM1a (PUL)"}}]}, Scope.OUT),
    ],
)
def test_stage_and_evidence_of_a_primary_may_name_liver_metastases(more: dict[str, Any], expected: Scope) -> None:
    assert scope_of(PRIMARY | more) is expected


METASTASIS, CANCER = concept(SNOMED, "128462008"), concept(SNOMED, "363346000")
TO_NAME = {"text": "Metastase"}
FROM_COLON = concept(SNOMED, "315004001") | {"text": "Metastasis from malignant tumor of colon"}
ADENOCARCINOMA = concept(SNOMED, "1") | {"text": "Adenocarcinoma"}
METASTATIC = concept(ICD10CM, "C18.7") | {"text": "Metastatic colon cancer"}
LIVER_STRUCTURE, SIGMOID, LUNG = (concept(SNOMED, code) for code in ("10200004", "60184004", "39607008"))


@pytest.mark.parametrize(
    ("resource", "beside", "expected"),
    [
        (sited(TO_NAME, {"text": "Leber"}), PRIMARY, Scope.UNCERTAIN),
        (sited(TO_NAME, LIVER_STRUCTURE), PRIMARY, Scope.UNCERTAIN),
        (sited(TO_NAME, {"text": "Lunge"}), PRIMARY, Scope.OUT),
        (sited(TO_NAME, LUNG), PRIMARY, Scope.OUT),
        (sited(TO_NAME), PRIMARY, Scope.OUT),
        (sited(FROM_COLON, LIVER_STRUCTURE), PRIMARY, Scope.UNCERTAIN),
        (sited(FROM_COLON, {"text": "Right lobe of liver"}), LIVER, Scope.UNCERTAIN),
        (sited(METASTASIS, {"text": "Leber"}), PRIMARY, Scope.UNCERTAIN),
        (sited(METASTASIS, {"text": "Lunge"}), PRIMARY, Scope.OUT),
        (sited({"text": "Adenokarzinom"}, {"text": "Sigma"}), LIVER, Scope.UNCERTAIN),
        (sited({"text": "Adenokarzinom"}, SIGMOID), LIVER, Scope.UNCERTAIN),
        (sited({"text": "Adenokarzinom"}, {"text": "Mamma"}), LIVER, Scope.OUT),
        (sited({"text": "Adenokarzinom"}, LIVER_STRUCTURE), PRIMARY, Scope.OUT),
        (sited(ADENOCARCINOMA, SIGMOID), LIVER, Scope.UNCERTAIN),
        (sited(ADENOCARCINOMA, {"text": "Rektum"}), LIVER, Scope.UNCERTAIN),
        (sited(ADENOCARCINOMA, LUNG), LIVER, Scope.OUT),
        (sited(CANCER, {"text": "Colon ascendens"}), LIVER, Scope.UNCERTAIN),
        (sited(CANCER, {"text": "Mamma"}), LIVER, Scope.OUT),
        (sited(METASTASIS, SIGMOID), LIVER, Scope.OUT),
        (sited(METASTATIC, {"text": "Leber"}), PRIMARY, Scope.UNCERTAIN),
        (sited(METASTATIC, LIVER_STRUCTURE), PRIMARY, Scope.UNCERTAIN),
        (sited(METASTATIC, {"text": "Lunge"}), PRIMARY, Scope.OUT),
    ],
)
def test_a_body_site_names_the_organ_of_a_name_that_has_none(
    resource: Resource, beside: Resource, expected: Scope
) -> None:
    assert scope_of(beside, resource) is expected


def test_a_cancer_of_no_organ_that_concerns_is_neither_used_nor_told() -> None:
    case = read(PRIMARY, LIVER, sited({"text": "Mammakarzinom"}, {"text": "Mamma"}))
    assert (case.scope, case.issues) == (Scope.IN, ())


ICD11, READ, ICPC, ICDO = "http://id.who.int/icd/release/11/mms", "http://read.info/readv2", "urn:icpc", "urn:icd-o"


@pytest.mark.parametrize(
    ("codings", "beside", "expected"),
    [
        ([(ICD11, "2B90.Y")], LIVER, Scope.UNCERTAIN),
        ([(ICD11, "2B92&XH74S1")], LIVER, Scope.UNCERTAIN),
        ([(ICD11, "2B93")], LIVER, Scope.OUT),
        ([(ICD11, "2D80.0")], PRIMARY, Scope.UNCERTAIN),
        ([(ICD11, "2D81")], PRIMARY, Scope.OUT),
        ([(READ, "B133.")], LIVER, Scope.UNCERTAIN),
        ([(READ, "B13..00")], LIVER, Scope.UNCERTAIN),
        ([(READ, "B135.00")], LIVER, Scope.OUT),
        ([(READ, "B141.00")], LIVER, Scope.UNCERTAIN),
        ([(READ, "B142.")], LIVER, Scope.OUT),
        ([(READ, "B577.00")], PRIMARY, Scope.UNCERTAIN),
        ([("urn:sks", "DC787")], PRIMARY, Scope.UNCERTAIN),
        ([("urn:sks", "DC189")], LIVER, Scope.UNCERTAIN),
        ([(ICPC, "D75")], LIVER, Scope.UNCERTAIN),
        ([(ICPC, "D75.9")], LIVER, Scope.OUT),
        ([(ICDO, "8140/6"), (ICDO, "C22.0")], PRIMARY, Scope.UNCERTAIN),
        ([(ICDO, "C22.0"), (ICDO, "8140/6")], PRIMARY, Scope.UNCERTAIN),
        ([(ICDO, "8140/6-C22.0")], PRIMARY, Scope.UNCERTAIN),
        ([(ICDO, "8170/3"), (ICDO, "C22.0")], PRIMARY, Scope.OUT),
        ([(ICDO, "8140/3"), (ICDO, "C18.7")], LIVER, Scope.UNCERTAIN),
    ],
)
def test_codes_of_systems_that_are_not_read_leave_the_scope_open(
    codings: list[tuple[str, str]], beside: Resource, expected: Scope
) -> None:
    code = {"coding": [{"system": system, "code": code} for system, code in codings]}
    assert scope_of(beside, condition("n", codings[0]) | {"code": code}) is expected
