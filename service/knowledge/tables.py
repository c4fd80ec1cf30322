"""Reads TOML tables key by key and collects every fault instead of stopping at the first."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_Kind = TypeVar("_Kind")
_NAMES = {str: "a text", bool: "true or false", list: "a list of texts", dict: "a table", int: "a whole number"}


class Table:
    """One table; every key must be asked for, and `close` faults those that nobody asked for."""

    def __init__(self, where: str, values: object, faults: list[str]) -> None:
        self.where = where
        self.faults = faults
        self._values: dict[str, Any] = values if isinstance(values, dict) else {}
        self._left = dict(self._values)
        if not isinstance(values, dict):
            self.fault("must be a table")

    def fault(self, message: str) -> None:
        """Note a fault of this table."""
        self.faults.append(f"{self.where}: {message}")

    def text(self, key: str) -> str:
        """Give a text that must be there; empty after a fault."""
        found = self.maybe_text(key)
        if found is None and key not in self._values:
            self.fault(f"{key} is missing")
        return found or ""

    def maybe_text(self, key: str) -> str | None:
        """Give a text, or `None`."""
        return self._get(key, str)

    def maybe_flag(self, key: str, *, default: bool) -> bool:
        """Give true or false."""
        found = self._get(key, bool)
        return default if found is None else found

    def number(self, key: str) -> float | int | None:
        """Give a number, or `None`."""
        found = self._left.pop(key, None)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int | float)):
            self.fault(f"{key} must be a number")
            return None
        return found

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """Give a list of texts."""
        found = self._get(key, list)
        if found is None:
            if required and key not in self._values:
                self.fault(f"{key} is missing")
            return ()
        if not all(isinstance(member, str) for member in found):
            self.fault(f"{key} must be a list of texts")
            return ()
        return tuple(found)

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Give one of the allowed texts; `default` where nothing stands, the first after a fault."""
        if key not in self._values and default is not None:
            return default
        found = self.text(key)
        if found in allowed:
            return found
        if found:
            self.fault(f"{key} must be one of {', '.join(allowed)}")
        return allowed[0]

    def anything(self, key: str) -> object:
        """Give whatever stands there, or `None`."""
        return self._left.pop(key, None)

    def table(self, key: str) -> Table:
        """Give a table inside, empty when there is none."""
        return Table(f"{self.where}.{key}" if self.where else key, self._left.pop(key, {}), self.faults)

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """Give the named tables inside."""
        inside = self.table(key)
        for name in inside.keys():  # noqa: SIM118 - not a mapping
            yield name, Table(f"{key} {name}", inside.anything(name), self.faults)

    def list_of_tables(self, key: str, name: str) -> Iterator[Table]:
        """Give the tables of a list; each is called by the text under its own key `name`."""
        found = self._left.pop(key, [])
        if not isinstance(found, list):
            self.fault(f"{key} must be a list of tables")
            return
        for number, values in enumerate(found, 1):
            called = values.get(name) if isinstance(values, dict) else None
            yield Table(f"{key} {called if isinstance(called, str) else number}", values, self.faults)

    def keys(self) -> list[str]:
        """Give the keys that nobody asked for yet."""
        return list(self._left)

    def close(self) -> None:
        """Fault every key that nobody asked for."""
        for key in sorted(self._left):
            self.fault(f"unknown key {key!r}")

    def _get(self, key: str, kind: type[_Kind]) -> _Kind | None:
        found = self._left.pop(key, None)
        if found is not None and not isinstance(found, kind):
            self.fault(f"{key} must be {_NAMES[kind]}")
            return None
        return found


def root_table(text: str, name: str, faults: list[str]) -> Table:
    """Read one TOML file; a file that is no TOML is one fault and an empty table."""
    try:
        return Table(name, tomllib.loads(text), faults)
    except (ValueError, RecursionError) as fault:
        # Beside TOMLDecodeError, which is a ValueError: numbers of thousands of digits, and what nests too deeply.
        faults.append(f"{name}: {fault}")
        return Table(name, {}, faults)
