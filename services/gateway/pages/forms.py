"""Forms: what was typed, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import FieldError, Invalid, StudioError
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


class Typed:
    """The text fields of a posted form."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self.values = dict(pairs)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: str = "") -> str:
        """Return a field; of a repeated name the last."""
        return self.values.get(name, default)

    def every(self, name: str) -> list[str]:
        """Return all values under a name."""
        return [value for key, value in self._pairs if key == name]

    def given(self, *names: str) -> dict[str, str]:
        """Return the named fields that are there and not empty."""
        return {name: self.values[name] for name in names if self.values.get(name, "") != ""}


async def _typed(request: Request) -> Typed:
    return Typed([(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)])


TypedDep = Annotated[Typed, Depends(_typed)]


def refused(values: Mapping[str, Any], error: StudioError, shown: set[str] | None = None) -> Form:
    """Return the form as it was typed, with what the error says.

    Args:
        values: what was typed.
        error: why it was refused.
        shown: names of the form's fields; an error of any other field is told on top.
    """
    errors = {item.field: item.message for item in error.errors}
    homeless = [f"{name}: {text}" for name, text in errors.items() if shown is not None and name not in shown]
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
        empty = {_place(item) for item in error.errors() if item["type"] in _EMPTY}
        errors = [
            FieldError(item.field, "must not be empty") if item.field in empty else item for item in field_errors(error)
        ]
        raise Invalid("invalid_request", "Some values cannot be used.", errors=errors) from error


_EMPTY = ("missing", "string_too_short", "too_short")


def _place(item: ErrorDetails) -> str:
    return ".".join(str(part) for part in item["loc"])
