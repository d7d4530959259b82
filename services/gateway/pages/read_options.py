"""How files are meant, as fields of a form: made from the model, so that the page knows no option by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.schemas.read_options import ReadOptions, TableColumns
from shared.taskkit.spec import Choice

_CHOICES = {"auto": "Recognise by itself", "\t": "Tab", " ": "Space", ",": "Comma", ";": "Semicolon", ".": "Point"}
_PREFIX = "read."


@dataclass(frozen=True)
class OptionField:
    """One option. `choices` is empty where text is typed; `group` is what it belongs to, such as a table's columns."""

    name: str
    label: str
    group: str
    value: str
    choices: list[Choice]
    help: str


def fields(values: Mapping[str, Any]) -> list[OptionField]:
    """Return all options with what they are set to."""
    return [*_fields(ReadOptions, values, _PREFIX, ""), *_columns(values.get("columns") or {})]


def typed_options(values: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as the options' JSON; empty fields are left out."""
    made = _typed(ReadOptions, values, _PREFIX)
    if columns := _typed(TableColumns, values, f"{_PREFIX}columns."):
        made["columns"] = columns
    return made


def _columns(values: Mapping[str, Any]) -> list[OptionField]:
    return _fields(TableColumns, values, f"{_PREFIX}columns.", "Columns of a table")


def _fields(model: type[BaseModel], values: Mapping[str, Any], prefix: str, group: str) -> list[OptionField]:
    return [
        OptionField(
            name=f"{prefix}{name}",
            label=name.replace("_", " ").capitalize(),
            group=group,
            value=_shown(values.get(name)),
            choices=[Choice(item, _CHOICES.get(item, item.replace("_", " "))) for item in _literals(info)],
            help="Several are separated by commas." if _is_list(info) else "",
        )
        for name, info in model.model_fields.items()
        if not _is_model(info)
    ]


def _typed(model: type[BaseModel], values: Mapping[str, str], prefix: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        text = values.get(f"{prefix}{name}", "")
        if text == "" or _is_model(info):
            continue
        made[name] = [part.strip() for part in text.split(",") if part.strip()] if _is_list(info) else text
    return made


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list | tuple) else str(value or "")


def _is_model(info: FieldInfo) -> bool:
    return isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)


def _is_list(info: FieldInfo) -> bool:
    return any(get_origin(item) is tuple for item in (info.annotation, *get_args(info.annotation)))


def _literals(info: FieldInfo) -> list[str]:
    return list(get_args(info.annotation)) if get_origin(info.annotation) is Literal else []
