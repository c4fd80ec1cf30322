"""Whether a resource that a client sends is FHIR R4, as far as fhir.resources can tell."""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from service.demo.fhir.parameters import TYPES
from service.demo.fhir.problems import Malformed, Unknown, Unprocessable

_DEEPEST = 40


def check_resource(resource: object, *, type_: str | None = None) -> dict[str, Any]:
    """Give the resource back where it is valid (and of `type_`); raise a `FhirProblem` that names the elements."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise Malformed("the body must be a resource with a resourceType")
    found = resource["resourceType"]
    if type_ is not None and found != type_:
        raise Malformed(f"the body must be a {type_}, as the address says")
    if found not in TYPES:
        raise Unknown("this server does not keep that resource type")
    if _is_deeper(resource, _DEEPEST):
        raise Unprocessable(f"the resource is nested more than {_DEEPEST} deep")
    try:
        get_fhir_model_class(found).model_validate(resource)
    except KeyError as fault:
        raise Unprocessable("a contained resource has an unknown type") from fault
    except ValidationError as fault:
        # Element names only: the values are the patient's.
        places = sorted({".".join(str(part) for part in error["loc"]) for error in fault.errors(include_input=False)})
        raise Unprocessable(f"not valid FHIR R4: {found}.{', '.join(places)}") from None
    return resource


def _is_deeper(value: object, levels: int) -> bool:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)
