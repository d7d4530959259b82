"""From a JSON schema to the fields of a form. Knows no field by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.taskkit.spec import Choice

Kind = Literal["boolean", "choice", "number", "text"]


@dataclass(frozen=True)
class Field:
    """One control. `when` maps names of other controls to the values under which this one applies."""

    name: str
    label: str
    help: str
    unit: str
    kind: Kind
    value: Any
    default: Any
    changed: bool
    choices: list[Choice]
    minimum: float | None
    maximum: float | None
    step: float | Literal["any"]
    when: dict[str, Any]
    error: str
    applies: bool

    @property
    def shown(self) -> str:
        """Return the value as text, to be read rather than edited."""
        return self._said(self.value)

    @property
    def default_shown(self) -> str:
        """Return the default as text."""
        return self._said(self.default)

    def _said(self, value: Any) -> str:
        if self.kind == "boolean":
            return "Yes" if value else "No"
        return next((option.label for option in self.choices if option.value == str(value)), str(value))


@dataclass(frozen=True)
class Group:
    """Fields under one heading."""

    title: str
    fields: list[Field]


def groups(
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    prefix: str,
    defaults: Mapping[str, Any],
    labels: Mapping[str, Choice],
    error: Callable[[str], str],
) -> list[Group]:
    """Return the fields of a schema in their groups, both in the order of the schema.

    Args:
        schema: of an object, with `form` metadata in its properties.
        values: current values by property.
        prefix: of the names of controls.
        defaults: where they differ from the schema's.
        labels: of values of enumerations.
        error: what is wrong with a control, by its name.
    """
    made: dict[str, list[Field]] = {}
    for name, given in schema.get("properties", {}).items():
        default = defaults.get(name, given.get("default"))
        applies = _applies(given.get("form", {}).get("when", {}), schema["properties"], values)
        field = _field(name, given, values.get(name, default), default, prefix, labels, error, applies)
        made.setdefault(given.get("form", {}).get("group", "General"), []).append(field)
    return [Group(title, fields) for title, fields in made.items()]


def typed_values(schema: Mapping[str, Any], typed: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return what was typed for the schema's properties. A box that is not ticked is not posted at all.

    Args:
        schema: of an object.
        typed: values by the names of controls.
        prefix: of those names.
    """
    values: dict[str, Any] = {}
    for name, given in schema.get("properties", {}).items():
        if given.get("type") == "boolean":
            values[name] = f"{prefix}{name}" in typed
        elif f"{prefix}{name}" in typed:
            value = typed[f"{prefix}{name}"]
            values[name] = _listed(value) if given.get("type") == "array" else value
    return values


def same(value: Any, other: Any) -> bool:
    """Whether two values are the same in a form, where one of them may be text that was typed."""
    if isinstance(value, bool) or isinstance(other, bool):
        return str(value).casefold() == str(other).casefold()
    try:
        return float(value) == float(other)
    except (TypeError, ValueError):
        return str(_plain(value)) == str(_plain(other))


def _field(
    name: str,
    given: Mapping[str, Any],
    value: Any,
    default: Any,
    prefix: str,
    labels: Mapping[str, Choice],
    error: Callable[[str], str],
    applies: bool,
) -> Field:
    form = given.get("form", {})
    options = _options(given)
    written: Mapping[str, str] = form.get("labels", {})
    return Field(
        name=f"{prefix}{name}",
        label=given.get("title", name),
        help=given.get("description", ""),
        unit=form.get("unit", ""),
        kind=_kind(given, options),
        value=_plain(value),
        default=_plain(default),
        changed=not same(value, default),
        choices=[
            labels.get(str(option), Choice(str(option), written.get(str(option), _readable(option))))
            for option in options
        ],
        minimum=given.get("minimum"),
        maximum=given.get("maximum"),
        step=given.get("multipleOf") or (1 if given.get("type") == "integer" else "any"),
        when={f"{prefix}{other}": wanted for other, wanted in form.get("when", {}).items()},
        error=error(f"{prefix}{name}"),
        applies=applies,
    )


def _applies(when: Mapping[str, Any], properties: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a field counts under the values of the others; the browser asks the same while a person edits."""
    for name, wanted in when.items():
        options = wanted if isinstance(wanted, list) else [wanted]
        if values.get(name, properties[name].get("default")) not in options:
            return False
    return True


def _options(given: Mapping[str, Any]) -> Sequence[Any]:
    if "const" in given:
        return [given["const"]]
    options: Sequence[Any] = given.get("enum", [])
    return options


def _kind(given: Mapping[str, Any], options: Sequence[Any]) -> Kind:
    if options:
        return "choice"
    kinds: dict[str, Kind] = {"boolean": "boolean", "integer": "number", "number": "number"}
    return kinds.get(given.get("type", ""), "text")


def _listed(value: Any) -> Any:
    """Return what was typed for a list: items between commas or spaces."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Return a value as it would be typed: 0.0001 rather than 1e-04, items of a list between commas."""
    if isinstance(value, list):
        return ", ".join(str(_plain(item)) for item in value)
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".") if abs(value) < 1 else f"{value:g}"
    return "" if value is None else value


def _readable(value: Any) -> str:
    text = str(value).replace("_", " ")
    return text.upper() if len(text) <= 3 else text.capitalize()
