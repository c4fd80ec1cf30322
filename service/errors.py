"""The tree of errors that end a call, and the fault of settings that ends a start.

    ServiceError
    ├── RefusedRequest            the caller can mend it
    │   ├── MalformedRequest      the body is no CDS Hooks request
    │   ├── Unauthenticated       the token is missing or wrong; the reason is for the log alone
    │   ├── ServiceNotAllowed     a known client asks for a service that it may not use
    │   ├── NotForThisReader      guidance for clinicians, asked for by a patient or a related person
    │   ├── UnknownService        no such service
    │   ├── OtherFhirVersion      the chart is written in a version of FHIR before R4
    │   ├── RequiredDataMissing   a required prefetch key that could not be had
    │   ├── BodyTooLarge
    │   ├── UnsupportedMedia      not JSON, or encoded
    │   └── TooManyRequests
    └── Unavailable               a later call may succeed
        ├── Busy                  the worker has as many calls in work as it may
        ├── StoreUnavailable
        └── DeadlinePassed

    SettingsError                 the environment is faulty; start-up stops

What an error becomes on the wire is told by `service.web.problems` alone. Messages name what was wrong, where, and
what would be right, in our own words: they never carry what the caller sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class ServiceError(Exception):
    """A call cannot be answered; `str()` is safe to show to the caller."""


class RefusedRequest(ServiceError):
    """The caller can mend it."""


class MalformedRequest(RefusedRequest):
    """The body is no CDS Hooks request; `element` is the path of the faulty element, like `context.patientId`."""

    def __init__(self, message: str, *, element: str | None = None) -> None:
        super().__init__(message)
        self.element = element


class Unauthenticated(RefusedRequest):
    """The token is missing or wrong. `reason` is for the log; the caller learns only that it was refused."""

    def __init__(self, reason: str) -> None:
        super().__init__("a valid token of a known client is required")
        self.reason = reason


class ServiceNotAllowed(RefusedRequest):
    """A known client asks for a service that it may not use."""

    def __init__(self) -> None:
        super().__init__("this client may not use this service")


class NotForThisReader(RefusedRequest):
    """Guidance for clinicians was asked for by a patient or a related person."""

    def __init__(self) -> None:
        super().__init__("this service advises clinicians: context.userId must name a Practitioner or PractitionerRole")


class UnknownService(RefusedRequest):
    """No service has this id."""

    def __init__(self) -> None:
        super().__init__("no such service: GET /cds-services lists those that exist")


class OtherFhirVersion(RefusedRequest):
    """The resources under a prefetch key are written in a version of FHIR before R4."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"prefetch key '{key}' is written in a version of FHIR before R4: this service reads R4 (4.0.1)"
        )
        self.key = key


class RequiredDataMissing(RefusedRequest):
    """A required prefetch key was not sent and could not be fetched; `reason` is one of our own phrases."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"prefetch key '{key}' is required: {reason}")
        self.key = key


class BodyTooLarge(RefusedRequest):
    """The body is longer than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is larger than {limit} bytes")


class UnsupportedMedia(RefusedRequest):
    """The body is not plain JSON in UTF-8."""


class TooManyRequests(RefusedRequest):
    """The client called too often, or too much at once."""

    def __init__(self, *, retry_after_s: int) -> None:
        super().__init__("too many requests: try again later")
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):
    """The service cannot answer now; a later call may succeed."""

    retry_after_s: ClassVar[int] = 1


class Busy(Unavailable):
    """The worker has as many calls, or as long bodies, in work as it may."""

    def __init__(self) -> None:
        super().__init__("too many calls are in work: try again later")


class StoreUnavailable(Unavailable):
    """The store did not take what has to be durable before the answer."""

    def __init__(self) -> None:
        super().__init__("the store is not available: nothing counts as recorded, try again later")


class DeadlinePassed(Unavailable):
    """The answer was not ready in time."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"no answer was ready within {limit_s:g} s")


class SettingsError(Exception):
    """The environment or a file that it names is faulty; the message lists every fault, one a line."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))
