"""Memory that requests free is kept for the next ones, as far as the C library can be told so.

By itself glibc gives the top of its heap back as soon as twice the largest block is free there; the body of a large
request and its parts are more than that, and each call would pay again for every page of them.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of glibc's `mallopt`."""
_KEPT_BYTES = 64 * 1024 * 1024
"""What one process keeps at most of what it freed."""
_APART_BYTES = 32 * 1024 * 1024
"""Blocks of this size and more are mapped apart and given back at once; glibc takes no larger number."""


def keep_freed_memory() -> None:
    """Keep up to 64 MiB of freed memory in this process; does nothing where the C library has no such settings."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _APART_BYTES)
