"""From image records to batches, the same ones every time.

Which images a batch holds follows from (seed, epoch) and how an image is augmented from (seed, epoch, index), never
from the state of a loader or a worker. So a resumed training sees what an uninterrupted one would have seen.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from shared.errors import StudioError
from shared.schemas.dataset import ImageRecord
from shared.schemas.experiment import AugmentationStep
from shared.taskkit.runtime import Blueprint, TaskRuntime
from shared.vision.augment import decoded_side, make_transform
from shared.vision.images import open_image, unreadable
from shared.vision.targets import fitted, object_count

ImagePath = Callable[[ImageRecord], Path]


class Unreadable(NamedTuple):
    """Stands for an image that could not be decoded; plain values, so that processes can pass it on."""

    image_id: str
    filename: str
    reason: str


@dataclass(frozen=True, slots=True)
class SampleKey:
    """Which sample, in which epoch (from 0)."""

    epoch: int
    index: int


class Sample(NamedTuple):
    """An augmented image [3, S, S] and its target; `vanished` counts objects that augmentation moved out of it."""

    image: torch.Tensor
    target: Any
    vanished: int


class Batch(NamedTuple):
    """Collated samples: how many images, how many objects vanished from them, and what the task made of them.

    Images that could not be read are not among them but `skipped`; with none left there is no content.
    """

    images: int
    vanished: int
    content: Any
    skipped: tuple[Unreadable, ...] = ()

    @property
    def trainable(self) -> bool:
        """Whether a model can learn from it: batch-norm cannot from what skipping has left of a single image."""
        return self.images > 1 or (self.images == 1 and not self.skipped)


def checked(batch: Batch) -> Batch:
    """Return the batch.

    Raises:
        StudioError: one of its images is damaged.
    """
    for item in batch.skipped:
        raise unreadable(item.filename, item.reason)
    return batch


class ImageDataset(Dataset[Any]):
    """Gives samples, or `Unreadable`. The target is what `encode` makes of the record, augmented with the image."""

    def __init__(
        self,
        records: Sequence[ImageRecord],
        path: ImagePath,
        encode: Callable[[ImageRecord], Any],
        steps: Sequence[AugmentationStep],
        size: int,
        seed: int,
    ) -> None:
        self._records = records
        self._path = path
        self._encode = encode
        self._transform = make_transform(steps, size)
        self._side = decoded_side(steps, size)
        self._seed = seed

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, key: SampleKey) -> Sample | Unreadable:
        record = self._records[key.index]
        try:
            image = open_image(self._path(record), self._side)
        except (OSError, SyntaxError, ValueError) as error:
            return Unreadable(record.id, record.filename, _first_line(error))
        target = fitted(self._encode(record), image.height, image.width)
        generator = torch.default_generator
        state = generator.get_state()
        generator.manual_seed(_derived_seed(self._seed, key.epoch, key.index))
        try:
            tensor, augmented = self._transform(image, target)
        finally:
            generator.set_state(state)
        return Sample(tensor, augmented, object_count(target) - object_count(augmented))


class EpochBatches(Sampler[list[SampleKey]]):
    """The batches of one epoch, in an order that follows from (seed, epoch).

    A last batch of a single image is left out: batch-norm cannot learn from one.
    """

    def __init__(self, count: int, batch_size: int, seed: int, epoch: int, start: int = 0) -> None:
        self._count = count
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = epoch
        self._start = start

    def __len__(self) -> int:
        return batches_in_epoch(self._count, self._batch_size) - self._start

    def __iter__(self) -> Iterator[list[SampleKey]]:
        generator = torch.Generator().manual_seed(_derived_seed(self._seed, self._epoch, -1))
        order: list[int] = torch.randperm(self._count, generator=generator).tolist()
        for batch in range(self._start, self._start + len(self)):
            chosen = order[batch * self._batch_size : (batch + 1) * self._batch_size]
            yield [SampleKey(self._epoch, index) for index in chosen]


def batches_in_epoch(count: int, batch_size: int) -> int:
    """Return how many batches an epoch over `count` images has."""
    full, rest = divmod(count, batch_size)
    return full + (rest > 1)


def in_order(count: int, batch_size: int) -> list[list[SampleKey]]:
    """Return batches over all images in their order, for evaluation."""
    keys = [SampleKey(0, index) for index in range(count)]
    return [keys[start : start + batch_size] for start in range(0, count, batch_size)]


def make_loader(
    dataset: ImageDataset,
    batches: Sampler[list[SampleKey]] | list[list[SampleKey]],
    collate: Callable[[Sequence[tuple[torch.Tensor, Any]]], Any],
    workers: int,
    *,
    pin_memory: bool = False,
) -> DataLoader[Any]:
    """Return a loader of `Batch`es that leaves the global random state alone."""
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=_Collate(collate),
        pin_memory=pin_memory,
        generator=torch.Generator(),
    )


class _Collate:
    """Makes a batch of the images that could be read."""

    def __init__(self, collate: Callable[[Sequence[tuple[torch.Tensor, Any]]], Any]) -> None:
        self._collate = collate

    def __call__(self, samples: Sequence[Sample | Unreadable]) -> Batch:
        good = [sample for sample in samples if isinstance(sample, Sample)]
        skipped = tuple(sample for sample in samples if isinstance(sample, Unreadable))
        content = self._collate([(sample.image, sample.target) for sample in good]) if good else None
        return Batch(len(good), sum(sample.vanished for sample in good), content, skipped)


class TrainingData(LightningDataModule):
    """Train and val batches of an experiment, from a position on.

    Args:
        runtime: the task.
        blueprint: sizes, seed and classes.
        steps: augmentations of the train images.
        train: learnable records to train on.
        val: learnable records to validate on, perhaps none.
        path: where an image is.
        workers: loader processes.
    """

    def __init__(
        self,
        runtime: TaskRuntime,
        blueprint: Blueprint,
        steps: Sequence[AugmentationStep],
        train: Sequence[ImageRecord],
        val: Sequence[ImageRecord],
        path: ImagePath,
        workers: int,
    ) -> None:
        super().__init__()
        params = blueprint.params
        self._seed = params.seed
        self._batch_size = params.batch_size
        self._workers = workers
        self._runtime = runtime
        self.val = val
        self.path = path
        self.train_count = len(train)
        self.batches_per_epoch = batches_in_epoch(len(train), params.batch_size)
        self.start_epoch = 0
        self.start_batch = 0
        encode = partial(runtime.encode, blueprint=blueprint)
        self._train = ImageDataset(train, path, encode, steps, params.image_size, params.seed)
        self._val = ImageDataset(val, path, encode, (), params.image_size, params.seed)

    @property
    def counts(self) -> str:
        """How many images there are, for the log."""
        return f"{self.train_count} train and {len(self.val)} val images"

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the coming epoch; asked for before each one."""
        assert self.trainer is not None
        passed = self.trainer.current_epoch
        start = self.start_batch if passed == 0 else 0
        epoch = self.start_epoch + passed
        batches = EpochBatches(self.train_count, self._batch_size, self._seed, epoch, start)
        return self._loader(self._train, batches)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the loader of the val images in their order."""
        return self._loader(self._val, in_order(len(self.val), self._batch_size))

    def _loader(
        self, dataset: ImageDataset, batches: Sampler[list[SampleKey]] | list[list[SampleKey]]
    ) -> DataLoader[Any]:
        pin = torch.cuda.is_available()
        return make_loader(dataset, batches, self._runtime.collate, self._workers, pin_memory=pin)


def no_target(_: ImageRecord) -> None:
    """Stand for a target where only the image is wanted."""


def check_enough(records: Sequence[ImageRecord], batch_size: int) -> None:
    """Look whether there is at least one batch to train on.

    Raises:
        StudioError: there is not.
    """
    if batches_in_epoch(len(records), batch_size) == 0:
        raise StudioError(
            "too_few_images",
            f"The train subset has {len(records)} usable images; at least 2 are needed for one batch.",
            hint="Add labelled images or choose a split with a larger train subset, and a batch size above 1.",
        )


def _derived_seed(seed: int, epoch: int, index: int) -> int:
    digest = hashlib.blake2b(f"{seed}/{epoch}/{index}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big")


def _first_line(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) else None
    return ((told or str(error)).splitlines() or [type(error).__name__])[0].rstrip(".")
