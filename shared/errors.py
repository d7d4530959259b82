"""The error family. Raised where the fact is known, rendered in one place by whoever talks to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request."""

    field: str
    message: str


class StudioError(Exception):
    """A fact a person should hear: a stable `code`, a message, and where known how to mend it.

    `offer` are changes of a configuration that would, in the shape of `shared.schemas.job.Offer`.
    """

    status: ClassVar[int] = 500

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        errors: Sequence[FieldError] = (),
        offer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.errors = tuple(errors)
        self.offer = offer


class Forbidden(StudioError):
    """The request is understood and not allowed."""

    status = 403


class NotFound(StudioError):
    """The thing named does not exist."""

    status = 404


class Conflict(StudioError):
    """The request does not fit the state the thing is in."""

    status = 409


class Stale(StudioError):
    """Somebody else changed the document first."""

    status = 412


class TooLarge(StudioError):
    """More bytes than the settings allow."""

    status = 413


class Invalid(StudioError):
    """The request has values that cannot be used."""

    status = 422


class Unavailable(StudioError):
    """Something the request needs cannot be reached now."""

    status = 503


class DiskFull(StudioError):
    """The workspace has no room left."""

    status = 507


def invalid_field(field: str, message: str, *, code: str = "invalid_value", hint: str | None = None) -> Invalid:
    """Return an `Invalid` about one field, its message repeated beside the field."""
    return Invalid(code, message, hint=hint, errors=(FieldError(field, message),))
