"""What is mutated and by which tests: each module with those that see its mutants, the quickest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Group:
    """Modules that the same tests hold."""

    folder: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    share: float = 1.0
    """The share of mutants that a run tries, drawn by its seed, where it is not told otherwise."""

    def paths(self) -> Iterator[str]:
        """Give the modules' files."""
        return (f"{self.folder}/{module}.py" for module in self.modules)


_KNOWLEDGE = tuple(
    f"tests/knowledge/test_{name}.py"
    for name in (
        "decide", "compiled", "completions", "check", "cubes", "missing", "guideline", "guideline_faults",
        "assumptions", "domain", "expression", "formula", "binding", "policy", "source", "assembly", "references",
        "sources", "tables", "reference", "invariants", "thresholds",
    )
)  # fmt: skip

GROUPS = {
    "language": Group("service/knowledge", ("expression", "formula"), _KNOWLEDGE),
    "core": Group(
        "service/knowledge",
        ("domain", "cubes", "compiled", "completions", "missing", "decide", "binding", "check"),
        _KNOWLEDGE,
    ),
    "files": Group(
        "service/knowledge",
        ("assembly", "guideline", "policy", "references", "source", "sources", "tables"),
        _KNOWLEDGE,
        share=0.25,
    ),
    "orders": Group(
        "service/knowledge",
        ("combined", "contradiction"),
        tuple(f"tests/orders/test_{name}.py" for name in ("combined_orders", "order_cards", "order_grounds")),
    ),
    "headlines": Group(
        "service/knowledge",
        ("headline",),
        tuple(
            f"tests/{name}.py"
            for name in (
                "explain/test_outcome_names", "explain/test_headlines", "explain/test_counts", "explain/test_wording",
                "explain/test_explain", "explain/test_mdt", "cards/test_strategy_cards",
            )
        ),
    ),
    "reasons": Group(
        "service/knowledge",
        ("opposed", "reading", "reasons", "schedule"),
        tuple(
            f"tests/{name}.py"
            for name in (
                "explain/test_opposed", "explain/test_reading", "explain/test_schedule", "explain/test_said_once",
                "explain/test_explain", "explain/test_wording", "explain/test_counts",
                "explain/test_outcome_names", "orders/test_order_grounds", "orders/test_order_cards",
                "orders/test_combined_orders", "orders/test_order_shapes", "cards/test_strategy_cards",
            )
        ),
    ),
    "drafts": Group(
        "fhir_mappings",
        ("orders", "read/drug_names"),
        (*(f"tests/orders/test_{name}.py" for name in (
            "read_orders", "named_prescriptions", "order_shapes", "order_cards", "combined_orders", "order_grounds",
        )), "tests/cds/test_selections.py"),
    ),
    "requests": Group(
        "service/cds",
        ("messages", "json_body", "drafts", "prefetch_states", "selections"),
        tuple(
            f"tests/cds/test_{name}.py" for name in ("messages", "drafts", "prefetch_states", "selections", "feedback")
        ),
    ),
    "tokens": Group(
        "service/adapters",
        ("jwt_auth", "jwks", "tokens"),
        tuple(f"tests/adapters/test_{name}.py" for name in ("jwt_auth", "jwks", "hostile_tokens")),
    ),
    "readers": Group(
        "fhir_mappings",
        (
            "asked", "bundle", "case", "loose_json", "relevance", "mapper", "terminology", "resources", "shapes",
            "screen", "surrogates", "value_set_json", "wiring", "words",
            *(f"read/{name}" for name in (
                "absence", "adjuvant", "certainty", "chart_reading", "concepts", "conditions", "dates", "doses",
                "doubt", "elsewhere", "fitness", "liver", "mdt", "once", "operations", "other_cancers", "pathology",
                "places", "possible_days", "primary", "radiotherapy", "reader", "references", "routes", "scope",
                "settle", "tnm", "topics", "treatment", "tumours", "values",
            )),
        ),
        tuple(
            f"tests/fhir_mappings/test_{name}.py"
            for name in (
                "scope", "settle", "evidence", "conditions", "dates", "values", "resources", "chart_reading", "reader",
                "primary", "operations", "liver", "tumours", "measurements", "treatment", "treatment_dates", "taken",
                "unfinished",
                "response", "adjuvant", "pathology", "fitness", "references", "mdt", "screen", "messy", "vocabulary",
                "concepts", "terminology", "relevance", "bundle", "pages", "asked", "each_match", "once", "surrogates",
                "codings", "day_edges", "shapes", "own_codes", "mapper", "other_cancers", "places", "named_conditions",
                "named_operations",
                "last_given", "liver_state", "derived_day", "distant_sites", "malformed_codes", "margin_of_resection",
                "named_beside", "named_cirrhosis", "named_measurements", "named_perforation", "named_plans",
                "radiotherapy", "routes", "second_primary", "severity", "snomed_operations", "systemic_therapy",
                "tnm_doubted", "tnm_formula", "tnm_in_words", "tnm_m", "words", "case", "days_to_come", "absence",
                "grades_in_words", "unknown_kind", "named_places",
            )
        ),
        share=0.25,
    ),
}  # fmt: skip
