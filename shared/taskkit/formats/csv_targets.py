"""Names and units of numbers, told from the headers of their columns."""

import re

from shared.schemas.dataset import TargetInfo

_IN_BRACKETS = re.compile(r"(?P<name>.+?)\s*[(\[](?P<unit>[^()\[\]]{1,20})[)\]]")
_UNITS = frozenset(
    {
        *("nm", "um", "mm", "cm", "dm", "m", "km", "inch", "ft", "mi", "px", "deg", "rad"),
        *("mg", "g", "kg", "lb", "ml", "l", "ms", "s", "sec", "hours", "days", "weeks", "months", "years", "yrs"),
        *("celsius", "degc", "kelvin", "kph", "kmh", "mph", "mps", "pa", "hpa", "kpa", "mpa", "bar", "psi"),
        *("mv", "v", "ma", "mw", "w", "kw", "hz", "khz", "mhz", "lux", "db", "ppm", "ppb", "pct", "percent"),
        *("usd", "eur"),
    }
)
_SIGNS = {"pct": "%", "percent": "%"}


def target_infos(headers: list[str]) -> list[TargetInfo]:
    """Return name and unit of columns: `weight (kg)`, `weight [kg]` and `weight_kg` are weight in kg.

    Where two columns would get the same name, they keep their whole headers.
    """
    infos = [_target_info(header) for header in headers]
    names = [info.name for info in infos]
    return [
        TargetInfo(name=header, unit=info.unit) if names.count(info.name) > 1 else info
        for header, info in zip(headers, infos, strict=True)
    ]


def _target_info(header: str) -> TargetInfo:
    if match := _IN_BRACKETS.fullmatch(header):
        return TargetInfo(name=_spaced(match["name"]), unit=match["unit"].strip())
    name, _, unit = header.rpartition("_")
    if name.strip("_ ") and unit.casefold() in _UNITS:
        return TargetInfo(name=_spaced(name), unit=_SIGNS.get(unit.casefold(), unit))
    return TargetInfo(name=_spaced(header))


def _spaced(name: str) -> str:
    return " ".join(name.replace("_", " ").split()) or name
