"""The evaluation of an experiment, in its `evaluation/` folder, published by one switch."""

from pathlib import Path

from shared.errors import NotFound
from shared.schemas.evaluation import Aggregate, Evaluation, Results
from shared.store import documents
from shared.store.files import remove_tree


class EvaluationStore:
    """`evaluation/{evaluation,aggregate,results}.json` of one experiment.

    Results belong to the evaluation only when they name its job; anything else is left over from an older one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def results_path(self) -> Path:
        """Where the per-image results are."""
        return self._folder / "results.json"

    def get(self) -> Evaluation:
        """Return the evaluation or raise `NotFound`."""
        try:
            return documents.read(Evaluation, self._folder / "evaluation.json")
        except FileNotFoundError:
            raise NotFound("evaluation_not_found", "This experiment has not been evaluated.") from None

    def find(self) -> Evaluation | None:
        """Return the evaluation, or None."""
        try:
            return self.get()
        except NotFound:
            return None

    def start(self, evaluation: Evaluation) -> None:
        """Put a new evaluation in the place of the old one and its results."""
        self.delete()
        documents.write(evaluation, self._folder / "evaluation.json")

    def publish(self, aggregate: Aggregate, results: Results) -> None:
        """Store what a run found; the aggregate last, because its presence makes the results valid."""
        documents.write(results, self.results_path)
        documents.write(aggregate, self._folder / "aggregate.json")

    def aggregate(self) -> Aggregate | None:
        """Return the totals of the current evaluation, or None while there are none."""
        evaluation = self.find()
        try:
            found = documents.read(Aggregate, self._folder / "aggregate.json")
        except FileNotFoundError:
            return None
        return found if evaluation and found.job_id == evaluation.job_id else None

    def results(self) -> Results | None:
        """Return the per-image results of the current evaluation, or None while there are none."""
        if (aggregate := self.aggregate()) is None:
            return None
        found = documents.read(Results, self.results_path)
        return found if found.job_id == aggregate.job_id else None

    def delete(self) -> None:
        """Remove the evaluation and its results."""
        remove_tree(self._folder)
