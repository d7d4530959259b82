"""The editor of an experiment's augmentations: rows to add, and a live preview."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response

from services.gateway.actions import augmentations
from services.gateway.actions.augmentations import AugmentationPreviewBody
from services.gateway.pages.augmentation_form import STEP, StepRow, placed, row, typed_steps
from services.gateway.pages.experiment_form import PARAMS
from services.gateway.pages.forms import Typed, TypedDep, parsed
from services.gateway.pages.rendering import View, show
from services.gateway.pages.shell import project_path, shell
from services.gateway.pages.tiles import Tile, with_shapes
from services.gateway.studio import Studio, StudioDep
from shared.errors import Invalid, NotFound, StudioError
from shared.taskkit import registry
from shared.taskkit.shapes import Shape
from shared.taskkit.spec import TaskSpec

router = APIRouter(prefix="/projects/{project_id}/training/augmentations", include_in_schema=False)
_SIZE = "image_size"


@dataclass(frozen=True, kw_only=True)
class RowsView(View):
    """Rows of the editor and nothing around them."""

    template: ClassVar[str] = "pages/augmentation_rows.html"

    rows: list[StepRow]


@dataclass(frozen=True)
class ShownImage:
    """An image as it is and what comes of it, or why it cannot be shown. `vanished` counts objects."""

    filename: str
    tiles: list[Tile]
    problem: str
    vanished: int


@dataclass(frozen=True)
class Faults:
    """Why there is no preview."""

    messages: list[str] = field(default_factory=list)
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class PreviewView(View):
    """Images before and after augmentation. `draw` and `pick` decide results and images, `side` is in pixels."""

    template: ClassVar[str] = "pages/augmentation_preview.html"

    url: str
    draw: int
    pick: int
    side: int
    images: list[ShownImage]
    faults: Faults


@router.get("/step")
def step(request: Request, studio: StudioDep, project_id: str, offer: str) -> Response:
    """Give the row of one transform, with its defaults."""
    spec = _spec(studio, project_id)
    found = next((item for item in spec.transforms if item.name == offer), None)
    if found is None:
        raise NotFound("transform_not_found", f"{spec.label} offers no transform {offer[:60]!r}.")
    usual = next((item for item in spec.augmentations if item.name == offer), found.step())
    return _rows(request, studio, [row(spec, found, usual)])


@router.get("/defaults")
def defaults(request: Request, studio: StudioDep, project_id: str) -> Response:
    """Give the rows of the steps the task starts with."""
    spec = _spec(studio, project_id)
    known = {item.name: item for item in spec.transforms}
    return _rows(request, studio, [row(spec, known[item.name], item) for item in spec.augmentations])


@router.post("/preview")
async def preview(request: Request, studio: StudioDep, project_id: str, typed: TypedDep) -> Response:
    """Show what the steps of the form make of images; what is wrong is told in the same place."""
    spec = _spec(studio, project_id)
    draw, pick = (_whole(typed.get(f"next_{name}") or typed.get(name)) for name in ("draw", "pick"))
    found: dict[str, Any] = {"image_size": 0, "images": []}
    faults = Faults()
    try:
        found = await augmentations.preview(studio, project_id, _body(spec, typed, draw, pick))
    except StudioError as error:
        faults = Faults(_told(spec, typed, error), error.hint or "")
    view = PreviewView(
        shell=shell(studio, "Augmentation"),
        url=f"{project_path(project_id, 'training')}/augmentations/preview",
        draw=draw,
        pick=pick,
        side=found["image_size"],
        images=[_shown(project_id, image, found["image_size"]) for image in found["images"]],
        faults=faults,
    )
    return show(request, view)


def _body(spec: TaskSpec, typed: Typed, draw: int, pick: int) -> AugmentationPreviewBody:
    given: dict[str, Any] = dict(typed.given("split_name", "architecture"))
    if size := typed.get(f"{PARAMS}{_SIZE}"):
        given["params"] = {_SIZE: size}
    return parsed(
        AugmentationPreviewBody, {**given, "augmentations": typed_steps(spec, typed), "seed": draw, "pick": pick}
    )


def _told(spec: TaskSpec, typed: Typed, error: StudioError) -> list[str]:
    """Return what is wrong in sentences; fields of steps go by the labels of their transforms."""
    if not isinstance(error, Invalid) or not error.errors:
        return [error.message]
    labels = {f"{STEP}.{item.name}": item.label for item in spec.transforms}
    labels |= {
        f"{STEP}.{item.name}.{param.name}": f"{item.label}: {param.label.lower()}"
        for item in spec.transforms
        for param in item.params
    }
    labels[f"{PARAMS}{_SIZE}"] = str(spec.params.model_fields[_SIZE].title)
    return [f"{labels.get(item.field, item.field)} {item.message}." for item in placed(error.errors, typed)]


def _shown(project_id: str, image: dict[str, Any], size: int) -> ShownImage:
    made = [image["original"], *image["results"]] if image["original"] else []
    tiles = [
        with_shapes(
            project_id,
            f"{image['image_id']}-{number}",
            image["filename"],
            (size, size),
            [Shape.model_validate(shape) for shape in item["shapes"]],
            "",
            thumbnail=item["picture"],
        )
        for number, item in enumerate(made)
    ]
    vanished = sum(item["vanished"] for item in made)
    return ShownImage(image["filename"], tiles, image["problem"] or "", vanished)


def _rows(request: Request, studio: Studio, rows: list[StepRow]) -> Response:
    return show(request, RowsView(shell=shell(studio, "Augmentation"), rows=rows))


def _spec(studio: Studio, project_id: str) -> TaskSpec:
    return registry.spec(studio.workspace.projects.get(project_id).task)


def _whole(text: str) -> int:
    return int(text) % 2**32 if text.isdecimal() and len(text) < 12 else 0
