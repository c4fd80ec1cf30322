"""An order as the advice sees it, and a finding about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date

    from fhir_mappings.case import PartialDate
    from service.knowledge.decision import Decision
    from service.knowledge.explanation import Explanation

OrderKind: TypeAlias = Literal["liver-biopsy", "primary-resection", "liver-resection", "chemotherapy"]
Remedy: TypeAlias = Literal["delete", "postpone", "refer-hepatobiliary", "refer-mdt"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the advice sees it; `dated` is the day it is for, `None` where that is not said."""

    reference: str
    kinds: frozenset[OrderKind]
    dated: PartialDate | None = None
    elective: bool = True


@dataclass(frozen=True, slots=True)
class OrderAdvice:
    """One finding: the order, the advisory code, what is said, and what would help.

    `basis` is the decision with the statements and papers behind this finding; `not_before` the first day that would
    fit, where postponing is among the remedies.
    """

    order: Order
    code: str
    explanation: Explanation
    remedies: tuple[Remedy, ...]
    basis: Decision
    not_before: date | None = None
