"""Pictures of every page of a running studio, in both themes and three widths. To look at, not to compare."""

import argparse
import json
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_STEPS = ("dataset", "split", "training", "evaluation", "export")
WIDTHS = {360: 780, 1280: 832, 1920: 1080}
CHROMIUM_SWITCHES = ["--disable-gpu", "--no-first-run", "--disable-background-networking"]


def main() -> int:
    """Read the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the studio is")
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="folder for the pictures")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    parser.add_argument("--browser", default=found, help="path of a Chromium; the machine's, else Playwright's own")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)), help="comma-separated")
    given = parser.parse_args()
    wanted = {name: path for name, path in pages(given.url) if given.only in name}
    widths = [int(width) for width in given.widths.split(",")]
    given.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=given.browser, args=CHROMIUM_SWITCHES)
        faults = [fault for width in widths for fault in shoot(browser, given.url, wanted, width, given.out)]
        browser.close()
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(wanted) * len(widths) * len(THEMES)} pictures in {given.out}")
    return 1 if faults else 0


def pages(url: str) -> Iterator[tuple[str, str]]:
    """Yield name and path of every page, those of a project once a task, for the one with most experiments."""
    yield from {"projects": "/", "jobs": "/jobs", "styleguide": "/styleguide", "error": "/projects/none"}.items()
    best: dict[str, tuple[int, str]] = {}
    for item in _get(url, "/api/projects?page_size=200")["items"]:
        count = _get(url, f"/api/training/{item['id']}/experiments")["total"]
        best[item["task"]] = max(best.get(item["task"], (-1, "")), (count, item["id"]))
    for task, (_, project) in sorted(best.items()):
        steps = {step: f"/projects/{project}/{step}" for step in _STEPS}
        for name, path in [*steps.items(), *_details(url, project)]:
            yield f"{task}-{name}", path


def _details(url: str, project: str) -> Iterator[tuple[str, str]]:
    """Yield the pages of one image, one finished and one unfinished training, and one result."""
    try:
        images = _get(url, f"/api/datasets/{project}/images?page_size=1")["items"]
    except OSError:
        return
    for image in images:
        yield "image", f"/projects/{project}/dataset/images/{image['id']}"
    seen = set()
    for item in _get(url, f"/api/training/{project}/experiments")["items"]:
        if item["status"] not in seen:
            seen.add(item["status"])
            yield f"training-{item['status']}", f"/projects/{project}/training?experiment={item['id']}"
        if item["status"] == "completed":
            yield from _result(url, project, item["id"])


def _result(url: str, project: str, experiment: str) -> Iterator[tuple[str, str]]:
    try:
        found = _get(url, f"/api/evaluation/{project}/{experiment}/results?page_size=1")["items"]
    except OSError:
        return
    for item in found:
        yield "result", f"/projects/{project}/evaluation/{experiment}/images/{item['image_id']}"


def shoot(browser: Browser, url: str, wanted: dict[str, str], width: int, out: Path) -> Iterator[str]:
    """Take the pictures of one width; yield what looks wrong: script errors, and pages wider than the window."""
    for theme in THEMES:
        context = browser.new_context(
            viewport={"width": width, "height": WIDTHS.get(width, 900)}, color_scheme=theme, device_scale_factor=1
        )
        page = context.new_page()
        told: list[str] = []
        _listen(page, told)
        for name, path in wanted.items():
            told.clear()
            page.goto(url + path, wait_until="load")
            _see_all(page)
            page.screenshot(path=out / f"{name}-{width}-{theme}.png", full_page=True)
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                yield f"{name} at {width} px is {wide} px too wide"
            yield from (f"{name} at {width} px: {text}" for text in told if "404" not in text)
        context.close()


def _see_all(page: Page) -> None:
    """Scroll through the page, so that what loads when it comes into view is there."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for at in range(0, height, 700):
        page.evaluate(f"scrollTo({{top: {at}, behavior: 'instant'}})")
        page.wait_for_timeout(60)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    page.wait_for_timeout(400)


def _listen(page: Page, told: list[str]) -> None:
    """Collect what scripts complain about."""

    def spoken(message: ConsoleMessage) -> None:
        if message.type == "error":
            told.append(message.text)

    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("console", spoken)


def _get(url: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(url + path, timeout=30) as answer:
        body: dict[str, Any] = json.load(answer)
    return body


if __name__ == "__main__":
    sys.exit(main())
