"""Classes and targets: what the files name, what the plan makes of it, and what the dataset has already."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType

from shared.errors import Invalid
from shared.schemas.dataset import ClassInfo, DatasetHead, Legend, Problem, TargetInfo
from shared.taskkit.formats.rows import Reading, Row
from shared.taskkit.palette import class_color


def mapped(reading: Reading, class_map: Mapping[str, str | None]) -> Reading:
    """Return what was read with its classes renamed; what belongs to a class without a name is left out and listed.

    An image stays when its objects go, and goes when its own class does.
    """
    if not class_map:
        return reading
    lost_images: Counter[str] = Counter()
    lost_objects: Counter[str] = Counter()
    rows = []
    for row in reading.rows:
        named = (class_map.get(label, label) for label in row.labels)
        labels = tuple(dict.fromkeys(name for name in named if name is not None))
        if row.labels and not labels:
            lost_images[row.labels[0]] += 1
            continue
        lost_objects.update(item.label for item in row.objects if class_map.get(item.label, item.label) is None)
        objects = tuple(
            dataclasses.replace(item, label=name)
            for item in row.objects
            if (name := class_map.get(item.label, item.label)) is not None
        )
        rows.append(dataclasses.replace(row, labels=labels, objects=objects))
    declared = (class_map.get(name, name) for name in reading.class_names)
    names = tuple(dict.fromkeys(name for name in declared if name is not None))
    values = {value: to for value, name in reading.mask_values.items() if (to := class_map.get(name, name)) is not None}
    left_out = [*_left_out(lost_images, "images"), *_left_out(lost_objects, "objects")]
    return Reading(rows, [*reading.problems, *left_out], names, reading.targets, values)


def _left_out(counts: Counter[str], what: str) -> Iterable[Problem]:
    for name, count in counts.items():
        message = f"The class {name!r} is left out as planned, and with it its {what}: {count:,}."
        yield Problem(severity="warning", code="class_left_out", message=message)


def counted(rows: Iterable[Row], task: ModuleType | None) -> Counter[str]:
    """Return the names of the classes the rows speak of, and how often."""
    return Counter(name for row in rows for name in (task.class_names(row) if task else ()))


def twins(counts: Counter[str], declared: Sequence[str], head: DatasetHead | None) -> dict[str, str]:
    """Return the classes whose names differ only in case from another's, and that other.

    The other is the dataset's, or else the one that occurs more often.
    """
    known = [item.name for item in head.classes] if head else []
    spelled = {name.casefold(): name for name in known}
    found = {}
    for name in sorted({*declared, *counts} - set(known), key=lambda name: (-counts[name], name)):
        other = spelled.setdefault(name.casefold(), name)
        if other != name:
            found[name] = other
    return found


def twin(name: str, other: str) -> Problem:
    """Return a warning that a class is taken for another, since their names differ only in case."""
    return Problem(
        severity="warning",
        code="classes_differ_in_case",
        message=f"The class {name!r} differs only in case from {other!r}; taken for the same class.",
        mend="If they are two classes, give one of them another name.",
    )


def respelled(reading: Reading, task: ModuleType | None, head: DatasetHead | None) -> Reading:
    """Return what was read with its classes spelled as those of the dataset, where they differ only in case.

    A class may have got other capitals on the Dataset page since the files were written.
    """
    known = {item.name for item in head.classes} if head else set()
    found = twins(counted(reading.rows, task), reading.class_names, head)
    spelled = {name: other for name, other in found.items() if other in known}
    made = mapped(reading, spelled)
    return dataclasses.replace(made, problems=[*made.problems, *(twin(*names) for names in spelled.items())])


def legend(reading: Reading, counts: Counter[str], head: DatasetHead | None) -> Legend:
    """Return classes and targets: those the dataset has, then those the files declare, then others by name.

    Raises:
        Invalid: two new classes differ only in case, or the dataset's images have other numbers.
    """
    for name, other in twins(counts, reading.class_names, head).items():
        raise Invalid(
            "classes_differ_in_case",
            f"The classes {name!r} ({counts[name]:,} times) and {other!r} ({counts[other]:,} times)"
            " differ only in case.",
            hint="Rename one of them, or preview the import and say there whether they are one class or two.",
        )
    classes = list(head.classes) if head else []
    known = {item.name for item in classes}
    number = max([head.next_class_id if head else 0, *(item.id + 1 for item in classes)])
    for name in [*dict.fromkeys(reading.class_names), *sorted(counts.keys() - set(reading.class_names))]:
        if name not in known:
            classes.append(ClassInfo(id=number, name=name, color=class_color(number)))
            number += 1
    return Legend(classes=classes, targets=_targets(reading, head))


def not_added(made: Legend, head: DatasetHead | None) -> list[Problem]:
    """Return a warning for each class that is new to a dataset to which an import adds no image."""
    if head is None:
        return []
    known = {item.name for item in head.classes}
    return [_not_added(item.name) for item in made.classes if item.name not in known]


def _not_added(name: str) -> Problem:
    return Problem(
        severity="warning",
        code="class_without_images",
        message=f"The class {name!r} is new, but no image was added with it: not added to the dataset.",
        mend="Import new images of it, or give images that are there already this class on the Dataset page.",
    )


def _targets(reading: Reading, head: DatasetHead | None) -> list[TargetInfo]:
    present, found = head.targets if head else [], list(reading.targets)
    if present and found and found != present:
        raise Invalid(
            "targets_differ",
            f"The new images come with {_named(found)}; the dataset has {_named(present)}.",
            hint="Give the columns the same names, units and order, or replace the dataset.",
        )
    return present or found


def _named(targets: Sequence[TargetInfo]) -> str:
    return ", ".join(f"{item.name} [{item.unit}]" if item.unit else item.name for item in targets)
