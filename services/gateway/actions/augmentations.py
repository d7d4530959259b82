"""What augmentations make of images: checked here, made by the previewer."""

import asyncio
import random
from typing import Any, Final

from pydantic import ConfigDict, Field

from services.gateway.actions import configuration
from services.gateway.actions.configuration import ExperimentBody
from services.gateway.studio import Studio
from shared.bus.ask import Asked, ask
from shared.errors import Conflict
from shared.schemas.base import Model
from shared.schemas.experiment import AugmentationStep

PATIENCE_S: Final = 30.0
"""The first question starts a process that loads torch."""
_IMAGES: Final = 4


class AugmentationPreviewBody(Model):
    """A pipeline and what to try it on; what is missing comes from the task's defaults, as in an experiment."""

    split_name: str | None = None
    architecture: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    """Only the image size matters."""
    augmentations: list[AugmentationStep] | None = Field(default=None, max_length=50)
    image_ids: list[str] | None = Field(default=None, min_length=1, max_length=8)
    """Without them some of the train subset are picked."""
    pick: int = Field(default=0, ge=0, le=2**32 - 1)
    """Another number picks other images."""
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    """Another number gives other results; the same number the same ones."""
    results: int = Field(default=2, ge=1, le=4)
    """Of each image."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "augmentations": [{"name": "rotation", "params": {"degrees": 15}}],
                    "params": {"image_size": 224},
                    "seed": 1,
                }
            ]
        }
    )


async def preview(studio: Studio, project_id: str, body: AugmentationPreviewBody) -> dict[str, Any]:
    """Return pictures of images after the pipeline, with the shapes to draw over them.

    Coordinates of shapes are pixels of a square of `image_size`, whatever size the pictures have.

    Raises:
        NotFound: no dataset, split or image.
        Conflict: the train subset is empty.
        Invalid: the pipeline or a parameter cannot be used.
        Unavailable: no previewer answers.
    """
    question = await asyncio.to_thread(_question, studio, project_id, body)
    found = await ask(Asked.PREVIEW, question, PATIENCE_S)
    return {"image_size": question["image_size"], "seed": body.seed, **found}


def _question(studio: Studio, project_id: str, body: AugmentationPreviewBody) -> dict[str, Any]:
    wanted = body.model_dump(include={"split_name", "architecture", "params"})
    _, made = configuration.complete(studio, project_id, ExperimentBody(**wanted, augmentations=body.augmentations))
    train = studio.workspace.splits(project_id).get(made.split_id).assignment.get("train", [])
    if not train and body.image_ids is None:
        raise Conflict(
            "train_subset_is_empty",
            "The split has no train images to show.",
            hint="Choose another split, or name images by `image_ids`.",
        )
    picked = body.image_ids or random.Random(body.pick).sample(train, min(_IMAGES, len(train)))
    return {
        "what": "augmentation",
        "project_id": project_id,
        "revision": made.dataset_revision,
        "image_ids": picked,
        "augmentations": [step.model_dump(mode="json") for step in made.augmentations],
        "image_size": made.params["image_size"],
        "seed": body.seed,
        "results": body.results,
    }
