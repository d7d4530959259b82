import io
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def open_image():
    from shared.vision.images import open_image

    return open_image


def saved(path: Path, image, **options) -> Path:
    image.save(path, **options)
    return path


def test_exif_orientation_is_honoured(tmp_path: Path, open_image):
    from PIL import Image

    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "turned.jpg", image, exif=exif, quality=95)
    upright = open_image(path, 20)
    assert upright.size == (20, 40)
    red, green, blue = upright.getpixel((10, 5))
    assert blue > 200
    assert max(red, green) < 60


@pytest.mark.parametrize(("name", "size"), [("large.jpg", (1600, 1200)), ("large.png", (1600, 1200))])
def test_large_images_are_opened_small_but_never_too_small(tmp_path: Path, open_image, name, size):
    from PIL import Image

    path = saved(tmp_path / name, Image.new("RGB", size, "green"))
    opened = open_image(path, 200)
    assert min(opened.size) >= 200
    assert min(opened.size) < 400
    assert open_image(path, 5000).size == size


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, open_image, mode):
    from PIL import Image

    suffix = "tiff" if mode == "CMYK" else "png"
    path = saved(tmp_path / f"image.{suffix}", Image.new("RGB", (30, 30), "white").convert(mode))
    opened = open_image(path, 30)
    assert (opened.mode, opened.getpixel((3, 3))) == ("RGB", (255, 255, 255))


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, open_image):
    import numpy as np
    from PIL import Image

    values = np.full((30, 30), 0x8000, np.uint16)
    assert open_image(saved(tmp_path / "deep.png", Image.fromarray(values)), 30).getpixel((0, 0)) == (128, 128, 128)


def test_a_damaged_file_is_an_error_of_the_documented_kinds(tmp_path: Path, open_image):
    from PIL import Image

    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 50).convert("RGB").save(buffer, "JPEG")
    cases = {"cut.jpg": buffer.getvalue()[:500], "text.jpg": b"no image", "empty.jpg": b""}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises((OSError, SyntaxError, ValueError)):
            open_image(tmp_path / name, 100)


@pytest.mark.parametrize("number", range(11))
def test_a_model_sees_what_pages_show(tmp_path: Path, open_image, number):
    import numpy as np
    from PIL import Image

    from shared.taskkit.images import rendition
    from tests.taskkit.test_pixels import samples

    data = samples()[number]
    (tmp_path / "image").write_bytes(data)
    shown = np.asarray(Image.open(io.BytesIO(rendition(data))))
    assert np.array_equal(np.asarray(open_image(tmp_path / "image", 5000)), shown)
