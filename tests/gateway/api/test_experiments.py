"""Experiments in numbers: found, described, compared."""

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.base import new_id
from shared.schemas.experiment import EpochRow, Experiment, Summary
from shared.schemas.job import JobError, JobKind, Offer
from shared.store.lifecycle import Fail, Succeed
from tests.gateway.conftest import TASK
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]
KEY = f"val_{TASK.primary_metric.key}"


@pytest.fixture
def url(world: World) -> str:
    return f"/api/training/{world.project.id}/experiments"


def trained(
    world: World, name: str, values: list[float], *, tags: list[str] | None = None, **params: Any
) -> Experiment:
    """Return an experiment with one row an epoch."""
    experiment = world.experiment(**params)
    store = world.workspace.experiments(world.project.id)
    for epoch, value in enumerate(values, start=1):
        metrics = {"train_loss": 1 / epoch, KEY: value}
        row = EpochRow(epoch=epoch, step=epoch, seconds=2, learning_rate=0.1, images_per_second=9, metrics=metrics)
        store.course(experiment.id).append_epoch(row)
    job = world.claim(world.workspace.jobs.create(JobKind.TRAINING, world.project.id, name, {}))
    world.workspace.jobs.apply(job.id, Succeed(job.epoch, None))
    summary = Summary(epochs_done=len(values), best_metric=max(values), metric_key=KEY, seconds=2.0 * len(values))
    changes = {"name": name, "tags": tags or [], "summary": summary, "job_id": job.id}
    return store.update(experiment.id, lambda item: item.model_copy(update=changes))


def names(client: TestClient, url: str, query: str = "") -> list[str]:
    return [item["name"] for item in client.get(f"{url}?{query}").json()["items"]]


def test_the_list_is_searched_filtered_and_sorted(client: TestClient, url: str, world: World) -> None:
    trained(world, "Alpha", [0.2, 0.9], tags=["baseline"])
    trained(world, "beta", [0.5], tags=["Small images", "baseline"])
    client.post(url, json={"name": "Gamma", "notes": "Flipped labels?"})
    assert names(client, url) == ["Gamma", "beta", "Alpha"]
    assert names(client, url, "sort_by=name") == ["Alpha", "beta", "Gamma"]
    assert names(client, url, "sort_by=metric") == ["Alpha", "beta", "Gamma"], "without a metric comes last"
    assert names(client, url, "sort_by=metric&sort_order=asc") == ["beta", "Alpha", "Gamma"]
    assert names(client, url, "sort_by=duration&sort_order=desc") == ["Alpha", "beta", "Gamma"]
    assert names(client, url, "sort_by=status&sort_order=asc")[0] == "Gamma"
    assert names(client, url, "status=completed&sort_by=created_at&sort_order=asc") == ["Alpha", "beta"]
    assert names(client, url, "tag=small images") == ["beta"]
    assert names(client, url, "search=flipped") == ["Gamma"]
    assert names(client, url, "search=BASE alpha") == ["Alpha"]
    assert len(names(client, url, f"search={TASK.architectures[0].label}")) == 3
    assert client.get(f"{url}?page_size=1&page=2").json()["total"] == 3


def test_the_curve_of_the_key_metric_is_thinned_and_follows_its_file(
    client: TestClient, url: str, world: World
) -> None:
    values = [number / 200 for number in range(200)]
    experiment = trained(world, "Long", values)
    curve = client.get(f"{url}/{experiment.id}").json()["curve"]
    assert (len(curve), curve[0], curve[-1]) == (60, values[0], values[-1])
    row = EpochRow(epoch=201, step=1, seconds=1, learning_rate=0.1, images_per_second=9, metrics={KEY: 1.0})
    world.workspace.experiments(world.project.id).course(experiment.id).append_epoch(row)
    assert client.get(f"{url}/{experiment.id}").json()["curve"][-1] == 1.0


def test_notes_and_tags_change_at_any_time(client: TestClient, url: str, world: World, refusal: Refusal) -> None:
    one = f"{url}/{trained(world, 'Done', [0.5]).id}"
    body = {"notes": "Line one\nLine two", "tags": ["first", " First ", "second  try"]}
    changed = client.patch(one, json=body).json()
    assert (changed["notes"], changed["tags"]) == ("Line one\nLine two", ["first", "second try"])
    assert client.patch(one, json={"tags": [], "notes": ""}).json()["tags"] == []
    for tags in (["x"] * 21, ["a" * 31], [""], ["a,b"], ["a\x07"]):
        told = refusal(client.patch(one, json={"tags": tags}), 422, "invalid_request")
        assert told["errors"][0]["field"].startswith("tags")
    refusal(client.patch(one, json={"notes": "x" * 20_001}), 422, "invalid_request")
    refusal(client.patch(one, json={"notes": "stale"}, headers={"If-Match": "1"}), 412, "document_changed")


def test_an_experiment_of_an_older_studio_has_no_notes(client: TestClient, url: str, world: World) -> None:
    experiment = world.experiment()
    path = world.workspace.experiments(world.project.id).folder(experiment.id) / "experiment.json"
    kept = experiment.model_dump_json(exclude={"notes", "tags", "provenance"})
    path.write_text(kept)
    told = client.get(f"{url}/{experiment.id}").json()
    assert (told["notes"], told["tags"], told["provenance"]) == ("", [], None)


def test_compare_marks_the_best_and_says_what_does_not_compare(client: TestClient, world: World) -> None:
    a, b = trained(world, "A", [0.2, 0.8, 0.6]), trained(world, "B", [0.5, 0.7], seed=7)
    address = f"/api/training/{world.project.id}/compare"
    body = client.get(f"{address}?ids={a.id},{b.id}").json()
    assert body["differences"] == {"params.seed": [None, 7]}
    lines = {(line["kind"], line["key"]): line for line in body["metrics"]}
    assert lines["best", KEY]["values"] == [0.8, 0.7]
    assert lines["best", KEY]["best"] == [a.id]
    assert (lines["last", KEY]["values"], lines["last", KEY]["best"]) == ([0.6, 0.7], [b.id])
    assert lines["best", "train_loss"]["best"] == [a.id], "of a loss the lowest is best"
    assert [len(item["rows"]) for item in body["experiments"]] == [3, 2]
    assert body["warnings"] == []

    assignment = {"train": [], "val": ["0" * 16], "test": []}
    other = world.split.model_copy(update={"id": new_id("split"), "name": "Another", "assignment": assignment})
    world.workspace.splits(world.project.id).create(other)
    made = client.post(address.replace("compare", "experiments"), json={"split_name": "Another"}).json()
    body = client.get(f"{address}?ids={a.id},{made['id']}").json()
    assert "Not on the same images" in body["warnings"][0]
    assert body["differences"]["split_name"] == ["A split", "Another"]


@pytest.mark.parametrize("end", ["compare.csv?", "compare?format=csv&"])
def test_compare_as_csv_has_a_row_an_experiment(client: TestClient, world: World, end: str) -> None:
    a, b = trained(world, "A, or so", [0.8]), trained(world, "B", [0.7], seed=7)
    answer = client.get(f"/api/training/{world.project.id}/{end}ids={a.id},{b.id}")
    assert answer.headers["content-type"].startswith("text/csv")
    first, second = csv.DictReader(io.StringIO(answer.text))
    assert (first["name"], first[f"best {KEY}"], second["params.seed"]) == ("A, or so", "0.8", "7")


def test_compare_names_what_it_cannot_find(client: TestClient, world: World, refusal: Refusal) -> None:
    address = f"/api/training/{world.project.id}/compare"
    refusal(client.get(f"{address}?ids="), 422, "invalid_request")
    refusal(client.get(f"{address}?ids=experiment-00000000"), 404, "experiment_not_found")
    many = ",".join(f"experiment-{number:08x}" for number in range(51))
    refusal(client.get(f"{address}?ids={many}"), 422, "invalid_request")


def test_two_hundred_experiments_are_listed_quickly(client: TestClient, url: str, world: World) -> None:
    rows = b"".join(
        EpochRow(epoch=epoch, step=1, seconds=1, learning_rate=0.1, images_per_second=9, metrics={KEY: 0.5})
        .model_dump_json()
        .encode()
        + b"\n"
        for epoch in range(1, 101)
    )
    store = world.workspace.experiments(world.project.id)
    for _ in range(200):
        (store.folder(world.experiment().id) / "metrics.jsonl").write_bytes(rows)
    assert len(client.get(f"{url}?page_size=200").json()["items"]) == 200
    answer = client.get(f"{url}?page_size=200&sort_by=metric")
    assert answer.elapsed.total_seconds() < 1.5
    assert len(answer.json()["items"][0]["curve"]) == 60


@pytest.mark.slow
def test_a_training_says_what_it_ran_with(client: TestClient, url: str, world: World) -> None:
    from services.trainer.run import work

    experiment = world.experiment(epochs=1, seed=5)
    run = world.training(experiment)
    work(run)
    told = client.get(f"{url}/{experiment.id}").json()["provenance"]
    assert (told["seed"], told["device"], told["job_id"]) == (5, "CPU", run.job.id)
    assert {"python", "torch", "torchvision", "lightning"} == told["libraries"].keys()
    assert told["studio"]
    world.workspace.jobs.apply(run.job.id, Succeed(run.job.epoch, None))
    assert client.post(f"{url}/{experiment.id}/restart").json()["provenance"] is None


def test_a_preset_is_a_starting_point(client: TestClient, url: str, refusal: Refusal) -> None:
    usual = client.post(url, json={}).json()["params"]
    quick = client.post(url, json={"preset": "quick", "params": {"seed": 7}}).json()["params"]
    assert (quick["epochs"] < usual["epochs"], quick["seed"]) == (True, 7)
    told = refusal(client.post(url, json={"preset": "magic"}), 422, "unknown_preset")
    assert told["errors"][0]["field"] == "preset"
    presets = client.get(f"/api/tasks/{TASK.id}").json()["presets"]
    assert presets[0]["params"][TASK.architectures[0].id]["epochs"] == quick["epochs"]


def test_every_parameter_out_of_range_is_told_at_its_field(client: TestClient, url: str, refusal: Refusal) -> None:
    for name, given in TASK.params.model_json_schema()["properties"].items():
        bad: list[Any] = ["wrong", None] if given.get("type") != "boolean" else ["perhaps"]
        if "minimum" in given:
            bad.append(given["minimum"] - 1)
        if "maximum" in given:
            bad.append(given["maximum"] + 1)
        for value in bad:
            told = refusal(client.post(url, json={"params": {name: value}}), 422, "invalid_parameters")
            assert {item["field"].split(".")[1] for item in told["errors"]} == {name}, value


def failed(client: TestClient, url: str, world: World, offer: Offer | None = None) -> str:
    """Return the address of an experiment whose training failed."""
    made = client.post(url, json={"name": "Too big", "params": {"batch_size": 64}}).json()
    job = world.workspace.jobs.get(client.post(f"{url}/{made['id']}/train").json()["id"])
    job = world.claim(job)
    error = JobError(code="out_of_memory", message="Too big.", offer=offer)
    world.workspace.jobs.apply(job.id, Fail(job.epoch, error))
    return f"{url}/{made['id']}"


def test_a_failed_training_is_tried_again(client: TestClient, url: str, world: World, refusal: Refusal) -> None:
    one = failed(client, url, world)
    job = client.post(f"{one}/retry").json()
    assert (job["status"], job["payload"]["resume"]) == ("queued", False)
    refusal(client.post(f"{one}/retry"), 409, "experiment_is_running")
    refusal(client.post(f"{one}/offer"), 409, "nothing_is_offered")
    done = trained(world, "Done", [0.5])
    refusal(client.post(f"{url}/{done.id}/retry"), 409, "experiment_has_not_failed")


def test_a_retry_goes_on_from_a_checkpoint(client: TestClient, url: str, world: World) -> None:
    one = failed(client, url, world)
    store = world.workspace.experiments(world.project.id)
    store.save_checkpoint(
        one.rpartition("/")[2], "last", lambda path: path.write_bytes(b"weights") and None, epoch=1, metric=0.5
    )
    assert client.post(f"{one}/retry").json()["payload"]["resume"] is True


def test_what_a_failure_offers_is_taken_as_a_copy(client: TestClient, url: str, world: World) -> None:
    offer = Offer(label="batch size 32", params={"batch_size": 32}, hardware={"loader_workers": 0})
    one = failed(client, url, world, offer)
    assert client.get(one).json()["error"]["offer"]["params"] == {"batch_size": 32}
    made = client.post(f"{one}/offer").json()
    assert (made["status"], made["params"]["batch_size"], made["effective_batch_size"]) == ("created", 32, 32)
    assert client.get(one).json()["params"]["batch_size"] == 64, "the failed one stays as it was"


def test_a_copy_takes_changes(client: TestClient, url: str, refusal: Refusal) -> None:
    one = f"{url}/{client.post(url, json={'tags': ['a'], 'notes': 'Mine.'}).json()['id']}"
    made = client.post(f"{one}/duplicate", json={"name": "Other seed", "params": {"seed": 9}}).json()
    assert (made["name"], made["params"]["seed"], made["tags"], made["notes"]) == ("Other seed", 9, ["a"], "")
    told = refusal(client.post(f"{one}/duplicate", json={"params": {"seed": -1}}), 422, "invalid_parameters")
    assert told["errors"][0]["field"] == "params.seed"


def test_two_starts_at_once_start_one_training(client: TestClient, url: str) -> None:
    one = f"{url}/{client.post(url, json={}).json()['id']}"
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(lambda _: client.post(f"{one}/train").status_code, range(4)))
    assert codes == [202, 409, 409, 409]
    assert client.get("/api/jobs?kind=training").json()["total"] == 1


def test_a_split_that_is_gone_trains_nothing(client: TestClient, url: str, world: World, refusal: Refusal) -> None:
    made = client.post(url, json={}).json()
    refusal(client.delete(f"/api/splits/{world.project.id}/A split"), 409, "split_is_in_use")
    world.workspace.splits(world.project.id).delete(world.split.id)  # as a person might remove the file
    refusal(client.post(f"{url}/{made['id']}/train"), 409, "split_is_gone")
    told = client.get(f"{url}/{made['id']}").json()
    assert (told["status"], told["split_name"]) == ("created", "(deleted)")


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "\u200b", "x" * 121])
def test_names_are_visible_text(client: TestClient, url: str, refusal: Refusal, name: str) -> None:
    told = refusal(client.post(url, json={"name": name}), 422, "invalid_request")
    assert told["errors"][0]["field"] == "name"
