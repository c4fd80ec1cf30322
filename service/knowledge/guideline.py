"""Loads a guideline under a site's policy; every fault of its files comes in one error."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fhir_mappings.catalogue import load_catalogue
from service.knowledge.assembly import assemble
from service.knowledge.model import Policy
from service.knowledge.policy import GuidelineError, policy_faults, read_policy
from service.knowledge.source import read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fhir_mappings.catalogue import Catalogue
    from service.knowledge.model import Guideline

_SHIPPED = "crlm-summary-2025"


def load_guideline(policy: Policy | None = None) -> Guideline:
    """Give the guideline that ships with the package; raise `GuidelineError` when `policy` does not fit it."""
    return _default() if policy is None else build_guideline(shipped_texts(), load_catalogue(), policy)


def load_guideline_under(policy_text: str) -> Guideline:
    """Give the guideline that ships under a site's policy file; raise `GuidelineError` with every fault of the file.

    ```toml
    [policy]
    name = "our MDT"
    [parameters]
    remnant_minimum_percent = 35
    [assumptions]
    asa = false   # ask for it
    ```
    """
    faults: list[str] = []
    policy = read_policy(policy_text, faults)
    return build_guideline(shipped_texts(), load_catalogue(), policy, faults=faults)


def build_guideline(
    texts: Mapping[str, str], catalogue: Catalogue, policy: Policy | None = None, *, faults: Iterable[str] = ()
) -> Guideline:
    """Read a guideline from its files (name → TOML); raise `GuidelineError` with `faults` and every further one."""
    found = list(faults)
    chosen = policy or Policy()
    source = read_source(texts, catalogue, found)
    found += policy_faults(chosen, source)
    if found:
        raise GuidelineError(found)
    return assemble(source, catalogue, chosen)


def shipped_texts() -> dict[str, str]:
    """Give the files of the shipped guideline by name."""
    folder = files("service.knowledge").joinpath("guidelines", _SHIPPED)
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}


@cache
def _default() -> Guideline:
    return build_guideline(shipped_texts(), load_catalogue())
