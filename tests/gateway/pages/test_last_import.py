"""What the dataset's page tells of the last import."""

from fastapi.testclient import TestClient

from services.importer.run import work
from shared.schemas.job import JobKind
from shared.store.lifecycle import Succeed
from tests.gateway.pages.conftest import Page
from tests.support.generated import World, shape_image


def test_problems_of_the_last_import_are_folded_by_kind(client: TestClient, page: Page, world: World) -> None:
    for name in ("first", "second"):
        folder = world.root.parent / name
        for number in range(30):
            place = folder / "class 0" / f"{name} {number}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(shape_image(0, 500 + number))
        payload = {"project_id": world.project.id, "source": {"path": str(folder)}, "format": "auto", "mode": "append"}
        run = world.claimed(JobKind.IMPORT, payload)
        world.workspace.jobs.apply(run.job.id, Succeed(run.job.epoch, work(run)))
    tree = page(f"/projects/{world.project.id}/dataset")
    (kind,) = tree.select("[aria-label='Problems of the last import'] > li")
    details = kind.select_one("details")
    assert details is not None
    assert not details.has_attr("open")
    assert details.select_one("summary .badge").get_text() == "30"  # type: ignore[union-attr]
    assert len(details.select("li")) == 21
    assert "and 10 more" in details.get_text()
    download = tree.select_one("aside a[download][href$='format=csv']")
    assert download is not None
    assert client.get(str(download["href"])).text.count("\n") == 31
    assert tree.select_one("#f-problem") is None, "what was left out is no image that a filter finds"
