"""What an import will do: how the files are read, what their classes become, and what happens to what is wrong."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from shared.schemas.base import Model
from shared.schemas.dataset import Problem, TargetInfo
from shared.schemas.read_options import ReadOptions

Action = Literal["clip", "drop", "drop_image", "keep", "skip"]
"""How a kind of problem is mended.

`clip` cuts a box to its image, `drop` leaves the object out, `drop_image` its whole image, `keep` takes the image as it
is, and `skip` leaves out an image that is there already.
"""


def _is_a_name(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("a class needs a name of printable characters")
    return name.strip()


ClassName = Annotated[str, Field(max_length=120), AfterValidator(_is_a_name)]


class ImportPlan(Model):
    """Exactly what an import does; a preview proposes one."""

    format: str = Field(min_length=1, max_length=64)
    read: ReadOptions = Field(default_factory=ReadOptions)
    class_map: dict[str, ClassName | None] = Field(default_factory=dict)
    """From a class of the files to the class it becomes; None leaves it out. Classes that are not here stay."""
    mends: dict[str, Action] = Field(default_factory=dict)
    """From the code of a problem to what is done; the first of the kind's actions where nothing is said."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"format": "coco", "class_map": {"Dog": "dog"}, "mends": {"box_outside_image": "drop"}}]
        }
    )


class PreviewClass(Model):
    """A class as the files name it; `known` where the dataset has it already."""

    name: str
    images: int
    annotations: int
    known: bool


class PreviewSample(Model):
    """One of the images, with the shapes to draw over it in its pixels."""

    file: str
    width: int
    height: int
    subset: str | None
    shapes: list[dict[str, Any]]


class ProblemKind(Model):
    """All problems of one code: how many, the first of them, and what can be done, the proposed first."""

    code: str
    severity: Literal["error", "warning"]
    count: int
    message: str
    actions: list[Action]


class PreviewReport(Model):
    """What an import would read, and the plan that is proposed for it."""

    layout: str
    """One line for a person."""
    fingerprint: str
    """Changes when the source does."""
    images: int
    """Those that would be imported; duplicates and broken ones do not count."""
    annotations: int
    duplicates: int
    """Files with the picture of another of these files."""
    known: int = 0
    """Files with a picture that the dataset has."""
    subsets: dict[str, int]
    classes: list[PreviewClass]
    targets: list[TargetInfo]
    samples: list[PreviewSample]
    kinds: list[ProblemKind]
    problems: list[Problem]
    """The first of them; all can be downloaded."""
    problem_count: int
    plan: ImportPlan
