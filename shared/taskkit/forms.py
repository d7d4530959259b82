"""What a parameter's form control says beside its type and bounds."""

from typing import Any


def form(
    group: str,
    *,
    unit: str = "",
    when: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Return form metadata for a field.

    Args:
        group: the heading it stands under.
        unit: shown behind the number.
        when: values of other fields under which this one applies; each value or one of a list.
        labels: how values of a choice are written for people, where it is not just capitalized.
    """
    given = {"group": group, "unit": unit, "when": when, "labels": labels}
    return {"form": {key: value for key, value in given.items() if value not in ("", None)}}
