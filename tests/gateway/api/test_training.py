from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.schemas.job import JobKind
from shared.store.lifecycle import Claim, Command, EndCancelled, Succeed
from tests.gateway.conftest import TASK
from tests.support.generated import World

Refusal = Callable[..., dict[str, Any]]


@pytest.fixture
def url(world: World) -> str:
    return f"/api/training/{world.project.id}/experiments"


def create(client: TestClient, url: str, **body: Any) -> dict[str, Any]:
    answer = client.post(url, json=body)
    assert answer.status_code == 201, answer.json()
    made: dict[str, Any] = answer.json()
    return made


def change_job(world: World, job_id: str, *commands: Command) -> None:
    for command in commands:
        world.workspace.jobs.apply(job_id, command)


def train(client: TestClient, url: str, experiment: dict[str, Any]) -> str:
    return str(client.post(f"{url}/{experiment['id']}/train").json()["id"])


def test_everything_missing_comes_from_the_defaults(client: TestClient, url: str, world: World) -> None:
    made = create(client, url, params={"epochs": 3})
    assert made["status"] == "created"
    assert made["architecture"] == TASK.architectures[0].id
    assert made["split_name"] == "A split"
    assert made["params"].keys() == TASK.params.model_fields.keys()
    assert made["params"]["epochs"] == 3
    assert made["augmentations"]
    assert client.get(url).json()["items"] == [made]


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"architecture": "skynet"}, 422, "unknown_architecture", "architecture"),
        ({"params": {"epochs": 0}}, 422, "invalid_parameters", "params.epochs"),
        ({"params": {"wings": 2}}, 422, "invalid_parameters", "params.wings"),
        ({"augmentations": [{"name": "explode"}]}, 422, "invalid_augmentations", "augmentations.0"),
        ({"hardware": {"device": "abacus"}}, 422, "invalid_request", "hardware.device"),
        (
            {"hardware": {"device": "cpu", "precision": "16-mixed"}},
            422,
            "invalid_request",
            "hardware.precision",
        ),
        (
            {"params": {"early_stopping_metric": "val_luck"}},
            422,
            "invalid_parameters",
            "params.early_stopping_metric",
        ),
        ({"name": "x" * 10_000}, 422, "invalid_request", "name"),
        ({"split_name": "../../x"}, 422, "split_not_found", "split_name"),
    ],
)
def test_configurations_that_cannot_be_used(
    client: TestClient, url: str, refusal: Refusal, body: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    told = refusal(client.post(url, json=body), status, code)
    assert [item["field"] for item in told.get("errors", [])] == ([field] if field else [])
    assert client.get(url).json()["total"] == 0


def test_training_needs_a_dataset_and_a_split(
    client: TestClient, project_id: str, world: World, refusal: Refusal
) -> None:
    refusal(client.post(f"/api/training/{project_id}/experiments", json={}), 404, "dataset_not_found")
    client.delete(f"/api/splits/{world.project.id}/A split")
    body = refusal(client.post(f"/api/training/{world.project.id}/experiments", json={}), 409, "split_missing")
    assert body["hint"]


def test_a_configuration_is_open_until_it_starts(client: TestClient, url: str, world: World, refusal: Refusal) -> None:
    made = create(client, url, params={"epochs": 3, "seed": 1})
    one = f"{url}/{made['id']}"
    changed = client.patch(one, json={"params": {"epochs": 5}}).json()
    assert (changed["params"]["epochs"], changed["params"]["seed"]) == (5, 1)
    job = train(client, url, made)
    assert client.get(one).json()["status"] == "pending"
    refusal(client.patch(one, json={"params": {"epochs": 6}}), 409, "experiment_is_locked")
    assert client.patch(one, json={"name": "Still mine"}).json()["name"] == "Still mine"
    refusal(client.post(f"{one}/train"), 409, "experiment_is_running")
    refusal(client.post(f"{one}/resume"), 409, "experiment_is_running")
    refusal(client.post(f"{one}/restart"), 409, "experiment_is_running")
    refusal(client.delete(one), 409, "experiment_is_running")
    change_job(world, job, Claim("w", 60))
    assert client.get(one).json()["status"] == "training"
    change_job(world, job, Succeed(1, None))
    assert client.get(one).json()["status"] == "completed"
    refusal(client.post(f"{one}/train"), 409, "experiment_is_locked")
    refusal(client.post(f"{one}/stop"), 409, "experiment_is_not_running")
    copy = client.post(f"{one}/duplicate").json()
    assert (copy["status"], copy["params"]) == ("created", changed["params"])
    assert client.post(f"{one}/restart").json()["status"] == "created"
    assert client.delete(one).status_code == 204


def test_no_experiment_without_the_images_of_its_split(
    client: TestClient, url: str, world: World, refusal: Refusal
) -> None:
    made = create(client, url)
    dataset = world.workspace.dataset(world.project.id)
    records, legend = list(dataset.records()), dataset.head().legend
    report = dataset.head().last_import
    assert report is not None
    dataset.delete()
    refusal(client.post(url, json={}), 404, "dataset_not_found")
    refusal(client.post(f"{url}/{made['id']}/duplicate"), 404, "dataset_not_found")
    dataset.commit(records, legend, reason="again", report=report, replace=False)
    refusal(client.post(url, json={}), 409, "split_missing")
    refusal(client.post(url, json={"split_name": "A split"}), 422, "dataset_revision_is_gone")
    assert client.post(f"/api/splits/{world.project.id}", json={"name": "New", "accept_leaks": True}).status_code == 201
    assert create(client, url)["split_name"] == "New"


def test_stop_and_resume(client: TestClient, url: str, world: World, refusal: Refusal) -> None:
    made = create(client, url)
    one = f"{url}/{made['id']}"
    job = train(client, url, made)
    change_job(world, job, Claim("w", 60))
    assert client.post(f"{one}/stop").json()["stop_requested"] is True
    change_job(world, job, EndCancelled(1))
    assert client.get(one).json()["status"] == "cancelled"
    refusal(client.post(f"{one}/resume"), 409, "nothing_to_resume")
    world.workspace.experiments(world.project.id).save_checkpoint(
        made["id"], "last", lambda path: path.write_bytes(b"weights") and None, epoch=1, metric=0.5
    )
    resumed = client.post(f"{one}/resume").json()
    assert resumed["payload"]["resume"] is True
    assert client.get(one).json()["status"] == "pending"


def test_an_idempotency_key_starts_one_job(client: TestClient, url: str) -> None:
    made = create(client, url)
    answers = [client.post(f"{url}/{made['id']}/train", headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_compare_shows_only_what_differs(client: TestClient, url: str, world: World) -> None:
    a, b = create(client, url, params={"epochs": 2}), create(client, url, params={"epochs": 4})
    body = client.get(f"/api/training/{world.project.id}/compare?ids={a['id']},{b['id']}").json()
    assert body["differences"] == {"params.epochs": [2, 4]}


def test_evaluating_and_exporting_need_a_completed_experiment(
    client: TestClient, url: str, world: World, refusal: Refusal
) -> None:
    made = create(client, url)
    evaluation = f"/api/evaluation/{world.project.id}/{made['id']}"
    refusal(client.get(evaluation), 404, "evaluation_not_found")
    refusal(client.post(evaluation, json={}), 409, "experiment_is_unfinished")
    body = {"experiment_id": made["id"]}
    refusal(client.post(f"/api/export/{world.project.id}", json=body), 409, "experiment_is_unfinished")
    change_job(world, train(client, url, made), Claim("w", 60), Succeed(1, None))
    told = refusal(client.post(evaluation, json={}), 422, "invalid_value")
    assert told["errors"][0]["field"] == "checkpoint"
    refusal(client.post(evaluation, json={"subsets": []}), 422, "invalid_request")
    refusal(client.post(evaluation, json={"subsets": ["half"]}), 422, "invalid_request")
    refusal(client.post(f"/api/export/{world.project.id}", json={**body, "format": "fax"}), 422, "invalid_value")
    assert client.get(f"{evaluation}/checkpoints").json()["items"] == []


def test_an_evaluation_waits_replaces_and_is_removed_at_once(
    client: TestClient, url: str, world: World, refusal: Refusal
) -> None:
    made = create(client, url)
    change_job(world, train(client, url, made), Claim("w", 60), Succeed(1, None))
    world.workspace.experiments(world.project.id).save_checkpoint(
        made["id"], "best", lambda path: path.write_bytes(b"weights") and None, epoch=1, metric=0.5
    )
    evaluation = f"/api/evaluation/{world.project.id}/{made['id']}"
    job = client.post(evaluation, json={"subsets": ["test", "val"]}).json()
    assert job["kind"] == JobKind.EVALUATION
    assert client.get(evaluation).json()["status"] == "pending"
    refusal(client.post(evaluation, json={}), 409, "experiment_is_running")
    refusal(client.get(f"{evaluation}/results"), 404, "results_not_found")
    assert client.delete(evaluation).status_code == 204
    assert client.get(f"/api/jobs/{job['id']}").json()["status"] == "cancelled"
    refusal(client.get(evaluation), 404, "evaluation_not_found")


def test_a_key_used_for_one_thing_starts_no_other(client: TestClient, url: str, refusal: Refusal) -> None:
    a, b = create(client, url), create(client, url)
    headers = {"Idempotency-Key": "once"}
    assert client.post(f"{url}/{a['id']}/train", headers=headers).status_code == 202
    refusal(client.post(f"{url}/{b['id']}/train", headers=headers), 422, "idempotency_key_reused")
    assert client.get(f"{url}/{b['id']}").json()["status"] == "created"


def test_a_cleared_dataset_trains_nothing(client: TestClient, url: str, world: World, refusal: Refusal) -> None:
    made = create(client, url)
    assert client.delete(f"/api/datasets/{world.project.id}").status_code == 204
    refusal(client.post(f"{url}/{made['id']}/train"), 409, "dataset_revision_is_gone")
    assert client.get(f"{url}/{made['id']}").json()["status"] == "created"


def test_another_architecture_brings_its_own_defaults(client: TestClient, url: str) -> None:
    first, second = TASK.architectures[:2]
    made = create(client, url, architecture=first.id, params={"epochs": 7})
    changed = client.patch(f"{url}/{made['id']}", json={"architecture": second.id}).json()
    expected = create(client, url, architecture=second.id, params={"epochs": 7})
    assert changed["params"] == expected["params"]


def test_a_preview_of_augmentations_is_checked_before_anybody_is_asked(
    client: TestClient, world: World, refusal: Callable[..., dict[str, Any]]
) -> None:
    path = f"/api/training/{world.project.id}/augmentations/preview"
    last = next(transform for transform in TASK.transforms if transform.last)
    bad = [{"name": last.name}, {"name": TASK.transforms[0].name}]
    told = refusal(client.post(path, json={"augmentations": bad}), 422, "invalid_augmentations")
    assert [item["field"] for item in told["errors"]] == ["augmentations.0"]
    told = refusal(client.post(path, json={"params": {"image_size": 7}}), 422, "invalid_parameters")
    assert [item["field"] for item in told["errors"]] == ["params.image_size"]
    refusal(client.post(path, json={"image_ids": ["a"] * 9}), 422, "invalid_request")
    refusal(client.post(path.replace(world.project.id, "project-00000000"), json={}), 404, "project_not_found")
    assert refusal(client.post(path, json={}), 503, "redis_unavailable")["hint"]
