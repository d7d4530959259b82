"""Forms: what was typed, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.errors import Invalid, StudioError
from shared.taskkit.parameters import field_errors

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Form:
    """Values by field name, and errors beside them. `message` is for what belongs to no field."""

    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    hint: str = ""

    def value(self, name: str, default: Any = "") -> Any:
        """Return what the field holds."""
        return self.values.get(name, default)

    def error(self, name: str) -> str:
        """Return what is wrong with the field, or nothing."""
        return self.errors.get(name, "")


def refused(values: Mapping[str, Any], error: StudioError, known: set[str] | None = None) -> Form:
    """Return the form as it was typed, with what the error says; what no field of `known` shows goes on top."""
    errors = {item.field: item.message for item in error.errors}
    homeless = [f"{name}: {text}" for name, text in errors.items() if known is not None and name not in known]
    message = "" if errors and not homeless else " ".join([error.message, *homeless])
    return Form(values, errors, message, error.hint or "" if message else "")


def parsed(model: type[T], values: Mapping[str, Any]) -> T:
    """Return form values as a request body.

    Raises:
        Invalid: with one entry a field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid("invalid_request", "Some values cannot be used.", errors=field_errors(error)) from error


async def typed(request: Request) -> dict[str, str]:
    """Return the text fields of a posted form; of a repeated name the last."""
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


async def typed_list(request: Request, name: str) -> list[str]:
    """Return every value posted under a name."""
    return [value for value in (await request.form()).getlist(name) if isinstance(value, str)]
