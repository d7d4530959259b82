"""What holds for every page: named controls, one heading, ids that are unique, no link into nothing."""

from collections import Counter

import pytest
from bs4 import BeautifulSoup, Tag

from shared.schemas.job import Job
from tests.gateway.pages.conftest import Page, Studied

PATHS = [
    "/",
    "/jobs",
    "{project}/training/compare?ids={experiment}",
    "/styleguide",
    "{project}/dataset",
    "{project}/dataset/images/{image}",
    "{project}/dataset/revisions?shown=1",
    "{project}/dataset/import/{preview}",
    "{project}/split",
    "{project}/training",
    "{project}/training?experiment={experiment}",
    "{project}/evaluation",
    "{project}/evaluation/{experiment}/images/{image}",
    "{project}/export",
]


@pytest.fixture(params=PATHS)
def tree(request: pytest.FixtureRequest, page: Page, studied: Studied, running: Job, previewed: Job) -> BeautifulSoup:
    ids = {"image": studied.results[0].image_id, "experiment": studied.experiment.id, "preview": previewed.id}
    return page(request.param.format(project=studied.path, **ids))


def test_controls_have_names(tree: BeautifulSoup) -> None:
    labelled = {label["for"] for label in tree.find_all("label", attrs={"for": True})}
    for control in tree.find_all(["input", "select", "textarea"]):
        named = control.get("aria-label") or control.get("id") in labelled or control.find_parent("label")
        assert named or control.get("type") == "hidden", control
    for control in tree.find_all(["button", "a", "summary"]):
        assert control.get("aria-label") or control.get_text(strip=True), control


def test_ids_are_unique_and_what_refers_to_them_is_right(tree: BeautifulSoup) -> None:
    counts = Counter(element["id"] for element in tree.find_all(id=True))
    assert [name for name, count in counts.items() if count > 1] == []
    for element in tree.find_all(True):
        for attribute in ("for", "aria-labelledby", "aria-controls", "aria-describedby", "data-open", "data-chart"):
            for name in str(element.get(attribute, "")).split():
                assert name in counts, (attribute, name)


def test_the_page_has_one_title_and_one_heading(tree: BeautifulSoup) -> None:
    main = tree.find("main")
    assert isinstance(main, Tag)
    assert len(main.find_all("h1")) == 1 or tree.title.string.startswith("Styleguide")  # type: ignore[union-attr]
    assert tree.html["lang"] == "en"  # type: ignore[index]


def test_images_have_alternatives_and_sizes(tree: BeautifulSoup) -> None:
    for image in tree.find_all("img"):
        assert image.get("alt") is not None
        assert image.get("width")
        assert image.get("height"), "without its size an image shifts the page when it loads"


def test_nothing_comes_from_elsewhere(tree: BeautifulSoup) -> None:
    for element in tree.find_all(["script", "link", "img"]):
        address = element.get("src") or element.get("href") or "/"
        assert address.startswith(("/", "data:")), address
