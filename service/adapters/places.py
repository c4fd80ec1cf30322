"""Whether a file or folder is there, where a path that may not even be looked at is one that is not.

`Path` raises for a folder on the way that this user may not enter, and for a name that is too long.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether a file can be seen there."""
    with suppress(OSError):
        return path.is_file()
    return False


def is_folder(path: Path) -> bool:
    """Whether a folder can be seen there."""
    with suppress(OSError):
        return path.is_dir()
    return False
