"""From a table's columns to splits that keep alike images together, by the real importer."""

import io
import zipfile

from fastapi.testclient import TestClient

from services.importer.run import work
from shared.bus.run import Run
from shared.settings import Settings
from shared.store.lifecycle import Claim, Succeed
from shared.store.workspace import Workspace
from tests.gateway.api.alike import subset_of
from tests.gateway.pages.conftest import Page
from tests.support.generated import shape_image

SITES = 6


def site_of(number: int) -> str:
    return f"site {number % SITES}"


def archive() -> bytes:
    """Images of two classes from several sites, which only a column of the table tells."""
    rows = [f"{number}.jpg,{'cat' if number % 2 else 'dog'},{site_of(number)}" for number in range(24)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number in range(len(rows)):
            made.writestr(f"{number}.jpg", shape_image(number % 2, number))
        made.writestr("labels.csv", "\n".join(["filename,label,site", *rows]))
    return buffer.getvalue()


def test_a_split_keeps_the_sites_of_an_imported_table_whole(
    client: TestClient, page: Page, project_id: str, workspace: Workspace, settings: Settings
) -> None:
    answer = client.post(f"/api/datasets/{project_id}/import/upload", files={"file": ("things.zip", archive())})
    assert answer.status_code == 202, answer.text
    job = workspace.jobs.apply(answer.json()["id"], Claim("a worker", 600))
    workspace.jobs.apply(job.id, Succeed(job.epoch, work(Run(workspace, job, settings))))
    tree = page(f"/projects/{project_id}/split")
    assert "column" in [str(item["value"]) for item in tree.select("#group_by option")]
    assert [item.get_text() for item in tree.select("#column option")] == ["site"]
    group_by = {"by": "column", "column": "site"}
    body = {"ratios": {"train": 0.6, "val": 0.2, "test": 0.2}, "strategy": "random", "group_by": group_by}
    answer = client.post(f"/api/splits/{project_id}/preview", json=body)
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert preview["groups"] == SITES
    assert all(preview["counts"].values())
    made = client.post(f"/api/splits/{project_id}", json={**body, "name": "Sites", "accept_leaks": True})
    assert made.status_code == 201, made.text
    where = subset_of(client.get(f"/api/splits/{project_id}/Sites").json()["assignment"])
    records = list(workspace.dataset(project_id).records())
    pairs = {(site_of(int(item.filename.removesuffix(".jpg"))), where[item.id]) for item in records}
    assert len(pairs) == SITES, "no site is on two sides"
    facts = page(f"/projects/{project_id}/dataset/images/{records[0].id}").select("dl.facts dt")
    assert "site" in [item.get_text() for item in facts]
