"""A few validation images with what the model says of them, epoch after epoch."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import torch
from lightning import Trainer

from services.trainer.preparation import Prepared
from shared.schemas.dataset import ImageRecord
from shared.schemas.evaluation import ImageResult
from shared.taskkit import registry
from shared.taskkit.runtime import Blueprint
from shared.vision.checkpoints import random_states, set_random_states
from shared.vision.data import ImageDataset, Sample, SampleKey, no_target

SAMPLES: Final = 8


def choose(records: Sequence[ImageRecord], blueprint: Blueprint) -> list[ImageRecord]:
    """Return a few records, always the same ones, from as many strata as there are: a class each, for most tasks."""
    names = {item.id: item.name for item in blueprint.classes}
    strata: defaultdict[str, list[ImageRecord]] = defaultdict(list)
    for stratum, record in zip(blueprint.spec.strata(records, names), records, strict=True):
        strata[stratum].append(record)
    groups = [strata[name] for name in sorted(strata)]
    rounds = (group[turn] for turn in range(SAMPLES) for group in groups if turn < len(group))
    return [record for record, _ in zip(rounds, range(SAMPLES), strict=False)]


class Samples:
    """Predicts them, and leaves the training as it was: no random number is used up."""

    def __init__(self, prepared: Prepared) -> None:
        data, self._blueprint = prepared.data, prepared.blueprint
        self._module = prepared.module
        self._records = choose(data.val, self._blueprint)
        self._dataset = ImageDataset(self._records, data.path, no_target, (), self._blueprint.params.image_size, 0)

    def predict(self, trainer: Trainer) -> list[ImageResult]:
        """Return what the model, in evaluation mode, says of each; images that cannot be read are left out."""
        states = random_states()
        try:
            with torch.inference_mode(), trainer.precision_plugin.val_step_context():
                return self._predict()
        finally:
            set_random_states(states)

    def _predict(self) -> list[ImageResult]:
        loaded = [(record, self._dataset[SampleKey(0, index)]) for index, record in enumerate(self._records)]
        good = [(record, sample.image) for record, sample in loaded if isinstance(sample, Sample)]
        size = self._blueprint.params.batch_size
        return [item for start in range(0, len(good), size) for item in self._judge(good[start : start + size])]

    def _judge(self, chosen: list[tuple[ImageRecord, torch.Tensor]]) -> list[ImageResult]:
        blueprint, runtime = self._blueprint, registry.runtime(self._blueprint.spec.id)
        records = [record for record, _ in chosen]
        images = torch.stack([image for _, image in chosen]).to(self._module.device)
        found = runtime.predict(self._module.model, images, records, blueprint)
        options = blueprint.spec.evaluation_options()
        pairs = zip(records, found, strict=True)
        return [runtime.score(record, "val", prediction, blueprint, options) for record, prediction in pairs]
