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


def read_json(body: bytes, decode: Callable[[bytes], _Read], *, fault: Callable[[str], MalformedRequest]) -> _Read:
    """Decode a body; raise `MalformedRequest`.

    `fault` says in our words what the decoder's message about a wrong shape means: it may quote what was sent.
    """
    try:
        # Skipped parts are checked for their JSON grammar, but not for the UTF-8 of their strings.
        if not body.isascii():
            body.decode()
        return decode(body)
    except UnicodeDecodeError:
        raise MalformedRequest("the body must be JSON in UTF-8") from None
    except RecursionError:
        raise MalformedRequest("the body is nested too deeply") from None
    except msgspec.ValidationError as wrong:
        raise fault(str(wrong)) from None
    except msgspec.DecodeError:
        mended = whole_characters(body)
        if mended == body:
            raise MalformedRequest("the body must be one JSON object: it cannot be parsed") from None
        return read_json(mended, decode, fault=fault)


def element_in(message: str) -> str:
    """Give the path of the element that a decoder's message is about; empty for the whole body."""
    path = _PATH.search(message)
    return path.group(1) if path else ""
