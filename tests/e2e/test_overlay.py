"""What is drawn over images, read back from the canvas: zoom, pan, toggles, labels on hover, and crowds."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page

from services.gateway.pages import scenes

JUDGED = scenes.scenes(0)[0]
WRONG = (255, 143, 133)
"""The colour of a wrong prediction, `--bad` of the dark theme, in which all overlays are drawn."""
RED_CELL = (238, 102, 119)
INK = (12, 14, 18)
"""What labels are written on."""

EXTENT = """(canvas, color) => {
    const { width, height } = canvas;
    if (!width || !height) return null;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    let [left, top, right, bottom, count] = [width, height, -1, -1, 0];
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] < 180) continue;
        if (color && color.some((value, part) => Math.abs(value - data[at + part]) > 6)) continue;
        const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
        [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
        count += 1;
    }
    return { left, top, right: right + 1, bottom: bottom + 1, count };
}"""

FRAMES = """async (stage) => {
    const box = stage.getBoundingClientRect();
    const middle = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, cancelable: true };
    const times = [];
    for (let turn = 0; turn < 12; turn += 1) {
        const start = performance.now();
        stage.dispatchEvent(new WheelEvent("wheel", { ...middle, deltaY: turn % 2 ? 4 : -8 }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - start);
    }
    return times.sort((one, other) => one - other)[6];
}"""


@dataclass(frozen=True)
class Extent:
    """Where pixels of a colour are on a canvas, in CSS pixels, and how many there are."""

    left: int
    top: int
    right: int
    bottom: int
    count: int

    @property
    def width(self) -> int:
        return self.right - self.left


def extent(holder: Locator, color: tuple[int, int, int] | None = None) -> Extent:
    """Return where a canvas has pixels of a colour, of any colour for None."""
    return Extent(**holder.locator("canvas").evaluate(EXTENT, color))


def until(page: Page, read: Callable[[], Extent], good: Callable[[Extent], bool]) -> Extent:
    """Read after each frame until what is drawn is good."""
    found = read()
    for _ in range(100):
        if good(found):
            return found
        page.wait_for_timeout(50)
        found = read()
    raise AssertionError(f"still {found}")


def open_viewer(page: Page, name: str, boxes: int = 50) -> Locator:
    page.goto(f"/styleguide?boxes={boxes}")
    viewer = page.get_by_role("group", name=name, exact=True)
    viewer.scroll_into_view_if_needed()
    until(page, lambda: extent(viewer), lambda drawn: drawn.count > 0)
    return viewer


@pytest.fixture
def judged(page: Page) -> Locator:
    """The viewer of an image with one shape of every role, of which only the wrong box is shown."""
    viewer = open_viewer(page, "judged.svg")
    panel = page.get_by_role("region", name="A judged image")
    panel.get_by_label("red cell").first.uncheck()
    panel.get_by_label("white cell").first.uncheck()
    until(page, lambda: extent(viewer), lambda drawn: drawn.left == extent(viewer, WRONG).left)
    return viewer


def middle_of(viewer: Locator, scene: scenes.Scene, points: list[list[float]]) -> tuple[float, float]:
    """Return where the middle of a box of image pixels is on the page while the image fits."""
    frame = viewer.bounding_box()
    assert frame is not None
    scale = min(frame["width"] / scene.width, frame["height"] / scene.height)
    offset = (frame["width"] - scene.width * scale) / 2, (frame["height"] - scene.height * scale) / 2
    x, y = (sum(values) / 2 * scale + shift for values, shift in zip(zip(*points, strict=True), offset, strict=True))
    return frame["x"] + x, frame["y"] + y


def test_wheel_keys_and_buttons_zoom_and_zero_restores(page: Page, judged: Locator) -> None:
    box = next(shape for shape in JUDGED.shapes if shape["role"] == "wrong")["points"]
    x, y = middle_of(judged, JUDGED, box)
    frame = judged.bounding_box()
    assert frame is not None
    page.mouse.move(0, 0)
    fitted = extent(judged, WRONG)
    assert (fitted.left + fitted.right) / 2 == pytest.approx(x - frame["x"], abs=2), "the box lies on the image"

    page.mouse.move(x, y)
    page.mouse.wheel(0, -250)
    near = until(page, lambda: extent(judged, WRONG), lambda drawn: drawn.width > fitted.width * 1.4)
    assert (near.left + near.right) / 2 == pytest.approx(x - frame["x"], abs=2), "it zooms towards the pointer"
    page.keyboard.press("0")
    page.mouse.move(0, 0)
    until(page, lambda: extent(judged, WRONG), lambda drawn: drawn == fitted)

    page.keyboard.press("+")
    until(page, lambda: extent(judged, WRONG), lambda drawn: drawn.width == pytest.approx(fitted.width * 1.4, abs=3))
    page.keyboard.press("-")
    until(page, lambda: extent(judged, WRONG), lambda drawn: drawn == fitted)
    judged.get_by_role("button", name="Zoom in").click()
    until(page, lambda: extent(judged, WRONG), lambda drawn: drawn.width > fitted.width * 1.2)
    judged.get_by_role("button", name="Fit").click()
    page.mouse.move(0, 0)
    until(page, lambda: extent(judged, WRONG), lambda drawn: drawn == fitted)


def test_a_zoomed_image_is_dragged_and_never_lost(page: Page, judged: Locator) -> None:
    page.mouse.move(*middle_of(judged, JUDGED, JUDGED.shapes[3]["points"]))
    page.mouse.dblclick(*middle_of(judged, JUDGED, JUDGED.shapes[3]["points"]))
    frame = judged.bounding_box()
    assert frame is not None
    before = until(page, lambda: extent(judged, WRONG), lambda drawn: drawn.width > 200)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    page.mouse.up()
    x, _ = middle_of(judged, JUDGED, JUDGED.shapes[3]["points"])
    wanted = before.left - (x - frame["x"] - frame["width"] / 2)
    moved = until(page, lambda: extent(judged, WRONG), lambda drawn: drawn.left == pytest.approx(wanted, abs=2))
    page.keyboard.press("Shift+ArrowLeft")
    until(page, lambda: extent(judged, WRONG), lambda drawn: drawn.left == pytest.approx(moved.left + 80, abs=2))
    for _ in range(40):
        page.keyboard.press("Shift+ArrowLeft")
    image = judged.get_by_role("img").bounding_box()
    assert image is not None
    assert image["x"] == pytest.approx(frame["x"], abs=1), "it stops at its edge"


def test_classes_roles_and_scores_are_switched(page: Page, judged: Locator) -> None:
    panel = page.get_by_role("region", name="A judged image")
    shown = extent(judged).count
    for control in ("platelet", "Prediction"):
        panel.get_by_label(control, exact=True).uncheck()
        until(page, lambda: extent(judged), lambda drawn: drawn.count == 0)
        panel.get_by_label(control, exact=True).check()
        until(page, lambda: extent(judged), lambda drawn: drawn.count == shown)
    panel.get_by_label("Least score").fill("0.5")
    until(page, lambda: extent(judged), lambda drawn: drawn.count == 0)
    assert panel.get_by_text("50 %").is_visible()


def test_pointing_at_a_box_of_a_crowd_names_it(page: Page) -> None:
    viewer = open_viewer(page, "crowd.svg")
    assert extent(viewer, INK).count == 0, "so many labels would hide the image"
    crowd = scenes.scenes(50)[1]
    x, y = middle_of(viewer, crowd, crowd.shapes[7]["points"])
    page.mouse.move(x, y)
    named = until(page, lambda: extent(viewer, INK), lambda drawn: drawn.count > 0)
    frame = viewer.bounding_box()
    assert frame is not None
    assert abs((named.left + named.right) / 2 - (x - frame["x"])) < 120, "the label stands at the box"
    page.mouse.move(0, 0)
    until(page, lambda: extent(viewer, INK), lambda drawn: drawn.count == 0)

    page.get_by_role("region", name="A crowd").get_by_text("Each of 50").click()
    page.mouse.move(0, 0)
    page.get_by_role("list", name="Shapes").get_by_role("button", name="red cell").last.focus()
    until(page, lambda: extent(viewer, INK), lambda drawn: drawn.count > 0)


def test_thumbnails_that_are_not_square_fit_like_their_image(page: Page) -> None:
    page.goto("/styleguide?boxes=0")
    for tile, thumb in zip(scenes.tiles(), page.get_by_role("link", name="sample-").all(), strict=True):
        thumb.scroll_into_view_if_needed()
        drawn = until(page, lambda thumb=thumb: extent(thumb, RED_CELL), lambda drawn: drawn.count > 0)  # type: ignore[misc]
        side = thumb.locator("canvas").evaluate("canvas => canvas.clientWidth")
        scale = side / max(tile.width, tile.height)
        wanted = (side - tile.width * scale) / 2, (side - tile.height * scale) / 2
        assert (drawn.left, drawn.top) == pytest.approx(wanted, abs=3), tile.filename
        assert (side - drawn.right, side - drawn.bottom) == pytest.approx(wanted, abs=3), tile.filename


def test_five_thousand_boxes_are_drawn_while_zooming(page: Page) -> None:
    viewer = open_viewer(page, "crowd.svg", boxes=5_000)
    milliseconds = viewer.locator("canvas").locator("..").evaluate(FRAMES)
    print(f"a frame with 5,000 boxes takes {milliseconds:.0f} ms")
    assert extent(viewer).count > 50_000
    assert milliseconds < 1_000, "a frame takes tens of milliseconds, or something is broken"
