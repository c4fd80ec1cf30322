"""The bill of materials lists the locked run-time packages and is a CycloneDX document."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs

ROOT = Path(__file__).parents[2]
SBOM = ROOT / ".ci" / "sbom.py"
LOCK = ROOT / "docker" / "requirements.lock"
SCHEMAS = files("cyclonedx.schema") / "_res"


@cache
def document(*arguments: str) -> bytes:
    ran = subprocess.run([sys.executable, str(SBOM), *arguments], capture_output=True, check=True, cwd=ROOT)
    assert ran.stderr == b""
    return ran.stdout


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.SNAPSHOT.schema.json").read_text(encoding="utf-8"))
    return found


def faults(bill: Any) -> list[str]:
    registry = jsonschema_rs.Registry(
        [(f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json", schema(name)) for name in ("spdx", "jsf-0.82")]
    )
    validator = jsonschema_rs.validator_for(schema("bom-1.6"), registry=registry, validate_formats=True)
    return [fault.message for fault in validator.iter_errors(bill)]


def test_it_is_a_bill_of_materials_and_the_same_each_time() -> None:
    made = document()
    bill = json.loads(made)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert faults(bill) == []
    assert document(str(LOCK)) == made


def test_it_lists_each_locked_package_with_its_hashes_and_nothing_else() -> None:
    text = LOCK.read_text(encoding="utf-8")
    bill = json.loads(document())
    found = {
        f"{one['name']}=={one['version']}": {digest["content"] for digest in one["hashes"]}
        for one in bill["components"]
    }
    pinned = re.findall(r"^([\w.\-]+)(?:\[[\w,]+\])?==([^\s;\\]+)", text, re.MULTILINE)
    assert found.keys() == {f"{name}=={version}" for name, version in pinned}
    assert {digest for digests in found.values() for digest in digests} == set(re.findall(r"sha256:(\w{64})", text))
    assert bill["metadata"]["component"]["name"] == "crlm-cds"
    [ours] = [one for one in bill["dependencies"] if one["ref"] == "crlm-cds"]
    assert set(ours["dependsOn"]) == {one["bom-ref"] for one in bill["components"]}


def test_what_is_no_bill_of_materials_is_found_out() -> None:
    bill = json.loads(document())
    bill["components"][0]["hashes"][0]["content"] = "no hash"
    bill["components"][1]["licenses"] = [{"license": {"id": "No-Such-License"}}]
    assert len(faults(bill)) == 2
