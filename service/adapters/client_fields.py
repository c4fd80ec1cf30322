"""One table of the clients' file, read field by field: each fault is kept with its place, none stops the reading."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.adapters.origins import Origin, OriginError, origin_of, parse_origin
from service.adapters.places import is_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA")
"""Signatures that a client may be allowed; CDS Hooks forbids `none` and symmetric ones."""


class Fields:
    """A TOML table, its place in the file, and the faults found so far.

    A reader of a faulty field notes the fault and gives a harmless value: the caller refuses the whole at the end.
    """

    def __init__(self, table: Mapping[str, Any], *, place: str, folder: Path) -> None:
        self._table = table
        self._place = place
        self._folder = folder
        self._asked: set[str] = set()
        self._faulty: set[str] = set()
        self.faults: list[str] = []

    def fault(self, key: str, message: str) -> None:
        """Note that `key` is faulty."""
        self._faulty.add(key)
        self.faults.append(f"{self._place}: {key} {message}")

    def has_fault(self, *keys: str) -> bool:
        """Whether one of `keys` was found faulty."""
        return not self._faulty.isdisjoint(keys)

    def refuse_unknown(self) -> None:
        """Note every key that no reader asked for."""
        for key in sorted(self._table.keys() - self._asked):
            self.fault(key, "is no key of this table")

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Read a string."""
        value = self._value(key)
        if value is None:
            if required:
                self.fault(key, "is missing")
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(key, "must be a string that is not empty")
            return None
        if value != value.strip():
            self.fault(key, "must not begin or end with a space")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of strings; absent is empty."""
        value = self._value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            self.fault(key, "must be a list of strings")
            return ()
        return tuple(value)

    def choices(self, key: str, allowed: Sequence[str], *, default: tuple[str, ...]) -> tuple[str, ...]:
        """Read a list of strings that are all in `allowed`."""
        if key not in self._table:
            return default
        values = self.texts(key)
        if any(value not in allowed for value in values):
            self.fault(key, f"may name only {', '.join(allowed)}")
        if not values and default and not self.has_fault(key):
            self.fault(key, "must not be empty")
        return values

    def boolean(self, key: str, *, default: bool) -> bool:
        """Read true or false."""
        value = self._value(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(key, "must be true or false")
            return default
        return value

    def integer(self, key: str, *, default: int, maximum: int) -> int:
        """Read a whole number from 1 to `maximum`."""
        value = self._value(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= maximum:
            self.fault(key, f"must be a whole number from 1 to {maximum}")
            return default
        return value

    def file(self, key: str) -> Path | None:
        """Read the path of a file that exists, relative to the folder of the configuration."""
        text = self.text(key)
        if text is None:
            return None
        path = self._folder / Path(text)
        if not is_file(path):
            self.fault(key, "must be the path of a file")
            return None
        return path

    def url(self, key: str, *, private: bool) -> str | None:
        """Read an https URL; http only for this machine or, with `private`, for private networks."""
        text = self.text(key)
        return None if text is None else self._checked_url(key, text, private=private)

    def urls(self, key: str, *, private: bool) -> tuple[str, ...]:
        """Read a list of such URLs."""
        found = (self._checked_url(key, text, private=private) for text in self.texts(key))
        return tuple(url for url in found if url is not None)

    def origins(self, key: str, *, private: bool) -> tuple[Origin, ...]:
        """Read a list of origins."""
        found = []
        for number, text in enumerate(self.texts(key), start=1):
            try:
                origin = parse_origin(text)
            except OriginError as fault:
                self.fault(key, f"entry {number} {fault}")
            else:
                self._check_scheme(key, origin, private=private)
                found.append(origin)
        return tuple(found)

    def table(self, key: str) -> Fields | None:
        """Open a table inside this one; its faults are listed with these."""
        value = self._value(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, "must be a table")
            return None
        inner = Fields(value, place=f"{self._place}, {key}", folder=self._folder)
        inner.faults = self.faults
        return inner

    def _value(self, key: str) -> object:
        self._asked.add(key)
        return self._table.get(key)

    def _checked_url(self, key: str, text: str, *, private: bool) -> str | None:
        try:
            origin = origin_of(text)
        except OriginError as fault:
            self.fault(key, str(fault))
            return None
        self._check_scheme(key, origin, private=private)
        return text

    def _check_scheme(self, key: str, origin: Origin, *, private: bool) -> None:
        if origin.scheme == "http" and not (private or origin.is_loopback):
            self.fault(key, f"{str(origin)!r} must be https")
