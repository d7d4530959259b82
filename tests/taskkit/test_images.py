import io
import random

import pytest
from PIL import Image

from shared.errors import Invalid
from shared.taskkit.images import inspect, thumbnail

LIMIT = 100_000_000


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def shown(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def two_colors(size: tuple[int, int]) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, size[0], size[1]))
    return image


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_size_format_and_thumbnail(image_format: str) -> None:
    found = inspect(encoded(two_colors((800, 400)), image_format), LIMIT)
    assert (found.width, found.height, found.format) == (800, 400, image_format)
    assert shown(found.thumbnail).size == (256, 128)


def test_a_small_image_is_not_enlarged() -> None:
    assert shown(thumbnail(encoded(two_colors((20, 10))))).size == (20, 10)


def test_exif_orientation_turns_size_and_thumbnail_alike() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = inspect(encoded(two_colors((800, 400)), "JPEG", exif=exif), LIMIT)
    assert (found.width, found.height) == (400, 800)
    small = shown(found.thumbnail)
    assert small.size == (128, 256)
    top, bottom = small.getpixel((64, 20)), small.getpixel((64, 230))
    assert top[0] > 200 > top[2]
    assert bottom[2] > 200 > bottom[0]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_every_mode_gives_a_thumbnail(mode: str) -> None:
    source = Image.linear_gradient("L")
    image_format = "TIFF" if mode == "CMYK" else "PNG"
    small = shown(inspect(encoded(source.convert(mode), image_format), LIMIT).thumbnail)
    assert small.getpixel((128, 10))[0] < 60
    assert small.getpixel((128, 245))[0] > 180


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"just text", "not_an_image"),
        (b"", "not_an_image"),
        (encoded(two_colors((300, 300)), "JPEG")[:1500], "damaged_image"),
        (encoded(Image.effect_noise((300, 300), 90))[:2000], "damaged_image"),
        (encoded(two_colors((30, 30)), "GIF"), "unknown_image_format"),
    ],
)
def test_what_is_no_whole_image_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        inspect(data, LIMIT)
    assert caught.value.code == code


def test_too_many_pixels_are_refused_before_decoding() -> None:
    with pytest.raises(Invalid) as caught:
        inspect(encoded(Image.new("1", (20_000, 20_000))), LIMIT)
    assert caught.value.code == "image_too_large"


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_whatever_is_wrong_with_a_file_is_told_in_one_way(image_format: str) -> None:
    chance = random.Random(7)
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(two_colors((40, 30)), image_format, exif=exif)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        try:
            inspect(bytes(data), LIMIT)
        except Invalid:
            refused += 1
    assert refused > 30


def test_a_reader_that_fails_in_an_unforeseen_way_is_a_damaged_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Image.Image) -> None:
        raise TypeError("unforeseen")

    monkeypatch.setattr(Image.Image, "getexif", fail)
    with pytest.raises(Invalid) as caught:
        inspect(encoded(two_colors((4, 4))), LIMIT)
    assert caught.value.code == "damaged_image"
