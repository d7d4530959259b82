"""A real, small dataset from scratch: 320 photos of 10 kinds of clothes. Skipped where it is not."""

import os
from pathlib import Path

import pytest

from shared.schemas.annotations import LabelAnnotation
from shared.schemas.base import Subset
from shared.schemas.dataset import ClassInfo, ImageRecord, ImportReport, Legend
from shared.schemas.split import Split
from shared.store.batches import write_unsettled
from shared.taskkit import registry
from tests.support.generated import World, record_of

DATA = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
PHOTOS = DATA / "clothing_small"
FOLDERS: dict[str, Subset] = {"train": "train", "validation": "val", "test": "test"}
CHANCE = 0.1


class Clothes(World):
    """A project with the photos, split as their folders say."""

    def _import(self) -> list[ImageRecord]:
        dataset = self.workspace.dataset(self.project.id)
        names = sorted(path.name for path in (PHOTOS / "train").iterdir() if path.is_dir())
        self.place: dict[str, Subset] = {}
        records = []
        for path in sorted(PHOTOS.glob("*/*/*.*")):
            data = path.read_bytes()
            record = record_of(data, path.name, [LabelAnnotation(class_id=names.index(path.parent.name))])
            if record.id not in self.place:
                self.place[record.id] = FOLDERS[path.parent.parent.name]
                write_unsettled(dataset.image_path(record), data)
                records.append(record)
        classes = [ClassInfo(id=number, name=name, color="#808080") for number, name in enumerate(names)]
        facts = {"job_id": "job-00000000", "format": "generated", "mode": "append", "source": "tests"}
        counts = {"added": len(records), "duplicates": 0, "skipped": 0, "problems": []}
        report = ImportReport.model_validate(facts | counts)
        dataset.commit(records, Legend(classes=classes), reason="import", report=report, replace=False)
        return records

    def _split(self, records: list[ImageRecord]) -> Split:
        drawn = super()._split(records)
        assignment = {name: [item.id for item in records if self.place[item.id] == name] for name in FOLDERS.values()}
        own = drawn.model_copy(update={"id": "split-00000001", "name": "own folders", "assignment": assignment})
        return self.workspace.splits(self.project.id).create(own)


@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photos at {PHOTOS}; set AI_STUDIO_TEST_DATA")
def test_three_epochs_from_scratch_beat_chance(tmp_path: Path):
    from services.trainer.run import work

    world = Clothes(tmp_path / "workspace", "classification")
    smallest = min(registry.spec("classification").architectures, key=lambda item: item.parameters)
    params = {**smallest.overrides, "image_size": 96, "epochs": 3}
    result = work(world.training(world.experiment(architecture=smallest.id, **params)))
    assert result["best_metric"] >= 1.6 * CHANCE
