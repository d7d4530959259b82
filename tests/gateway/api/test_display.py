"""What a browser is given to show, for formats it does not know."""

import io
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from services.importer.run import work
from shared.bus.run import Run
from shared.schemas.job import JobKind
from shared.settings import Settings
from shared.store.lifecycle import Claim
from shared.store.workspace import Workspace


def test_a_deep_tiff_is_shown_upright_as_png_and_kept_as_it_is(
    client: TestClient, workspace: Workspace, project_id: str, tmp_path: Path
) -> None:
    place = tmp_path / "in" / "cells" / "a.tif"
    place.parent.mkdir(parents=True)
    turned = Image.Exif()
    turned[274] = 6  # lies on its side
    Image.fromarray(np.linspace(0, 65535, 60 * 40).reshape(40, 60).astype(np.uint16)).save(place, exif=turned)
    payload = {"project_id": project_id, "source": {"path": str(tmp_path / "in")}, "format": "auto", "mode": "append"}
    job = workspace.jobs.create(JobKind.IMPORT, project_id, "Import", payload)
    work(Run(workspace, workspace.jobs.apply(job.id, Claim("test", 60)), Settings(workspace=workspace.root)))
    (record,) = client.get(f"/api/datasets/{project_id}/images").json()["items"]
    base = f"/api/datasets/{project_id}/images/{record['id']}"
    shown = client.get(f"{base}/display")
    assert shown.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(shown.content)) as image:
        assert image.size == (record["width"], record["height"]) == (40, 60)
        assert image.mode == "RGB"
    assert client.get(f"{base}/display", headers={"If-None-Match": shown.headers["etag"]}).status_code == 304
    assert client.get(f"{base}/file").content == place.read_bytes()
    assert f"{base}/display" in client.get(f"/projects/{project_id}/dataset/images/{record['id']}").text
