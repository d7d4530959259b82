"""What a person may say of the files to import, where a reader would have to guess. All of it may be left out."""

from typing import Literal

from pydantic import ConfigDict, Field

from shared.schemas.base import Model

Delimiter = Literal["auto", ",", ";", "\t", "|", " "]
Separator = Literal["auto", ",", ";", "|", " "]


class TableColumns(Model):
    """Which column of a table says what, by its header as it stands in the file; None is found by the usual names.

    The columns of a table without a header are called `column 1`, `column 2` and so on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = None
    """Name or path of the image."""
    subset: str | None = None
    label: str | None = None
    """Class of the image or of the box; the cell may hold several classes of an image."""
    labels: tuple[str, ...] | None = None
    """One column a class, named after it, with 1 where the image belongs to it."""
    values: tuple[str, ...] | None = None
    """Numbers to learn."""
    bbox: str | None = None
    """One cell that holds a whole box."""
    x_min: str | None = None
    y_min: str | None = None
    x_max: str | None = None
    y_max: str | None = None
    x_center: str | None = None
    y_center: str | None = None
    width: str | None = None
    """Width of the box."""
    height: str | None = None
    """Height of the box."""
    image_width: str | None = None
    """Pixels."""
    image_height: str | None = None
    """Pixels."""


class ReadOptions(Model):
    """How to read label files; readers leave aside what has no meaning for their format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: Delimiter = "auto"
    """What stands between the cells of a table."""
    decimal: Literal["auto", ".", ","] = "auto"
    """What stands before the decimals of a number."""
    columns: TableColumns = Field(default_factory=TableColumns)
    label_separator: Separator = "auto"
    """What stands between several classes in one cell."""
    class_names: tuple[str, ...] = ()
    """Classes in order, where the files give numbers (from 0) instead of names."""
    box_layout: Literal["auto", "corners", "corner_size", "center_size"] = "auto"
    """What the four numbers of a box mean, where no header says so: x_min, y_min, then x_max, y_max or width, height;
    or the box's middle, width, height.
    """
    box_unit: Literal["auto", "pixels", "shares"] = "auto"
    """Whether coordinates count pixels, or are shares (0 to 1) of the image's width and height."""
