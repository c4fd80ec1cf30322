"""The methods of a page."""

from __future__ import annotations

READ = ["GET", "HEAD"]
"""Of every page: health probes and checkers of links ask by HEAD, which the server answers without the body.

GET alone is for what is used up by being opened, a launch or a note that is shown once: who only looks must not do so.
"""
