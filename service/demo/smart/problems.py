"""Refusals in the words of OAuth 2.0 (RFC 6749, 4.1.2.1 and 5.2)."""

from __future__ import annotations


class OAuthProblem(Exception):  # noqa: N818 OAuth calls its refusals errors by code, not by class
    """A refusal: its `error` code, a description for developers, and the status at the token endpoint."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
