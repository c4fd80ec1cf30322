"""The JSON of a call's body: read by a typed decoder, and what its sender is told where that cannot be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from fhir_mappings.surrogates import whole_characters
from service.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Callable

_Read = TypeVar("_Read")
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_EXPECTED = re.compile(r"^Expected `([a-z ]+(?: \| [a-z ]+)*)`")
_JSON_TYPES = {"str": "string", "int": "number", "float": "number"}
_REQUIRED = re.compile(r"^Object missing required field `([A-Za-z_]+)`")


def read_json(body: bytes, decode: Callable[[bytes], _Read]) -> _Read:
    """Decode a body; raise `MalformedRequest`, which names the element that is missing or of another type."""
    try:
        # Skipped parts are checked for their JSON grammar, but not for the UTF-8 of their strings.
        if not body.isascii():
            body.decode()
        return decode(body)
    except UnicodeDecodeError:
        raise MalformedRequest("the body must be JSON in UTF-8") from None
    except RecursionError:
        raise MalformedRequest("the body is nested too deeply") from None
    except msgspec.ValidationError as fault:
        raise _shape_fault(str(fault)) from None
    except msgspec.DecodeError:
        mended = whole_characters(body)
        if mended == body:
            raise MalformedRequest("the body must be one JSON object: it cannot be parsed") from None
        return read_json(mended, decode)


def _shape_fault(message: str) -> MalformedRequest:
    """Say in our words what the decoder found; only names of our own schema are taken from its message."""
    path = _PATH.search(message)
    element = path.group(1) if path else ""
    if required := _REQUIRED.match(message):
        element = f"{element}.{required.group(1)}".lstrip(".")
        return MalformedRequest(f"{element} is required", element=element)
    expected = _EXPECTED.match(message)
    types = expected.group(1).split(" | ") if expected else ["another value"]
    wanted = " or ".join(dict.fromkeys(_JSON_TYPES.get(name, name) for name in types))
    where = element or "the body"
    return MalformedRequest(f"{where} has the wrong JSON type: expected {wanted}", element=element or None)
