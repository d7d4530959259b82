"""The real stack and a real browser. Everything in this folder is slow."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scripts.generate import generate
from tests.e2e.api import Api
from tests.support.stack import StudioStack

_HERE = Path(__file__).parent
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_FLAGS += ["--disable-quic", "--disable-component-update", "--disable-sync"]
_PATIENCE_MS = 15_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as slow."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioStack]:
    """A running studio, shared by all tests of a run. A test that kills something brings it back."""
    with StudioStack(tmp_path_factory.mktemp("studio")).running() as running:
        yield running


@pytest.fixture(scope="session")
def api(stack: StudioStack) -> Api:
    """The REST API of the running studio."""
    return Api(stack.client)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated dataset: four classes of sixty small images."""
    folder = tmp_path_factory.mktemp("shapes")
    generate(folder, per_class=60)
    return folder


@pytest.fixture(scope="session")
def clothing() -> Path:
    """The real photos of the reference data, which are not part of the repository."""
    root = Path(os.environ.get("AI_STUDIO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (root / "clothing_small").is_dir():
        pytest.skip(f"the reference data is not here: {root} has no clothing_small (see AI_STUDIO_TEST_DATA)")
    return root / "clothing_small"


@pytest.fixture(scope="session")
def chromium() -> str:
    """The machine's Chromium. Without one browser tests are left out, except in CI, where they fail."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("Browser tests need Chromium and there is none. Install it: apt-get install chromium")
    pytest.skip("there is no Chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A running browser without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, stack: StudioStack) -> Iterator[Page]:
    """A page of the studio that must not log errors of its scripts."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=stack.base_url)
    opened.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert not errors
