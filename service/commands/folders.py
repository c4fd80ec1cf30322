"""Folders that a command will write into, looked at before its work begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from service.adapters.places import is_file, is_folder

if TYPE_CHECKING:
    from pathlib import Path


def check_folder(folder: Path, *, option: str) -> None:
    """End the command where `folder` neither is one that can be written nor can be made; nothing is made yet."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if is_file(path) or is_folder(path))
    if not (is_folder(nearest) and os.access(nearest, os.W_OK | os.X_OK)):
        raise typer.BadParameter("no folder can be made there, or none that may be written", param_hint=option)
