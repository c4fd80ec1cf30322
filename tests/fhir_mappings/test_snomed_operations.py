"""Operations of liver and bowel in SNOMED CT: those of mCODE's value set of cancer surgery, and more of them."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mappings.case import Sign
from tests.charts import ICD10CM, SNOMED, condition, order, procedure
from tests.fhir_mappings.reading import LIVER, PRIMARY, read, shown

SEGMENTS = {"right-hemicolectomy", "left-hemicolectomy", "transverse-colectomy", "sigmoid-or-high-anterior-resection"}


@pytest.mark.parametrize(
    ("code", "extent"),
    [
        ("5415002", "gap: absent"),
        ("426830009", "gap: absent"),
        ("442993000", "gap: absent"),
        ("174430004", "minor"),
        ("174431000", "minor"),
        ("15257006", "major"),
        *((code, "gap: absent") for code in ("107963000", "13580001000004101", "72106008", "85946004")),
    ],
)
def test_an_operation_of_the_liver_treats_it_and_says_its_extent(code: str, extent: str) -> None:
    done = read(PRIMARY, LIVER, procedure("h", (SNOMED, code), on="2026-06-01"))
    planned = read(PRIMARY, LIVER, order("h", (SNOMED, code), on="2026-06-01"))
    found = (shown(done, "liver-state"), Sign.LIVER_TREATED in done.signs, shown(planned, "hepatectomy-extent"))
    assert found == ("treated", True, extent)


@pytest.mark.parametrize(
    ("code", "operation"),
    [
        ("307656000", "total-colectomy"),
        ("86789002", "low-anterior-resection"),
        *((code, "right-hemicolectomy") for code in ("174072006", "174073001", "174080004", "174081000", "276190007")),
        ("174094003", "left-hemicolectomy"),
        ("44378008", SEGMENTS),
        ("174101001", "sigmoid-or-high-anterior-resection"),
        ("235364003", {"low-anterior-resection", "abdominoperineal-resection"}),
    ],
)
def test_an_operation_of_the_bowel_resects_the_primary(code: str, operation: Any) -> None:
    done = read(PRIMARY, LIVER, procedure("p", (SNOMED, code), on="2026-06-01"))
    planned = read(PRIMARY, LIVER, order("p", (SNOMED, code), on="2026-06-01"))
    found = (shown(done, "primary-operation-done"), shown(planned, "colorectal-operation"))
    assert (*found, shown(done, "primary-in-situ")) == (operation, operation, False)


@pytest.mark.parametrize("code", ["87279008", "79764004", "52838002", "82035006", "116237003", "174121000"])
def test_what_is_taken_out_or_destroyed_in_the_bowel_alone_leaves_the_primary(code: str) -> None:
    case = read(PRIMARY, LIVER, procedure("p", (SNOMED, code), on="2026-06-01"))
    assert (shown(case, "primary-operation-done"), Sign.PRIMARY_RESECTED in case.signs) == ("gap: absent", False)


@pytest.mark.parametrize("code", ["54550000", "398740003", "9905009", "173977007"])
def test_a_stoma_relieves_what_comes_after_it(code: str) -> None:
    ileus = condition("s", (ICD10CM, "K56.609"), onset="2026-06-05")
    found = [
        shown(read(PRIMARY, LIVER, ileus, *relief), "primary-symptoms")
        for relief in ([], [procedure("r", (SNOMED, code), on="2026-06-01")])
    ]
    assert found == ["obstruction", "gap: absent"]


@pytest.mark.parametrize(
    ("expression", "state"),
    [
        ("107963000 |Liver excision|", "treated"),
        ("107963000 : 405813007 = 10200004", "treated"),
        ("107963000 : 408730004 |Procedure context| = 385660001 |Not done|", "gap: absent"),
        ("107963000:408730004=397943006", "gap: absent"),
        ("107963000:408730004 |Procedure context| = 385658003 |Done|", "treated"),
        ("107963000 : 405813007 = 10200004 , 408731000 = 410513005", "gap: absent"),
    ],
    ids=["plain", "its site", "not done", "planned", "done", "in the past"],
)
def test_an_operation_that_an_expression_puts_into_a_context_is_none_that_was_done(expression: str, state: str) -> None:
    case = read(PRIMARY, LIVER, procedure("h", (SNOMED, expression), on="2026-06-01"))
    assert shown(case, "liver-state") == state
