import io
import random
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.errors import Invalid
from shared.taskkit.images import inspect, rendition, thumbnail
from shared.taskkit.pixels import perceptual_hash

LIMIT = 100_000_000


def encoded(image: Image.Image, image_format: str = "TIFF", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def first_grey(data: bytes) -> int:
    """The grey value at the top left of what everything sees."""
    red, green, blue = Image.open(io.BytesIO(rendition(data))).getpixel((0, 0))
    assert red == green == blue
    return red


def flat(value: float, kind: type, image_format: str = "TIFF", **options: object) -> bytes:
    return encoded(Image.fromarray(np.full((20, 30), value, kind)), image_format, **options)


def codes(data: bytes) -> list[str]:
    return [note.code for note in inspect(data, LIMIT).notes]


@pytest.mark.parametrize(
    ("data", "grey", "code"),
    [
        (flat(0x8000, np.uint16, "PNG"), 128, "values_scaled"),
        (flat(0x8000, np.uint16), 128, "values_scaled"),
        (flat(0x8000, np.dtype(">u2")), 128, "values_scaled"),
        (flat(0xFFFF, np.uint16), 255, "values_scaled"),
        (flat(4095, np.uint16), 15, "values_dark"),
        (flat(0x4000, np.int32), 64, "values_scaled"),
        (flat(70_000, np.int32), 255, "values_clipped"),
        (flat(0.5, np.float32), 128, "values_scaled"),
        (flat(300, np.float32), 255, "values_clipped"),
        (flat(-1, np.float32), 0, "values_clipped"),
        (flat(float("nan"), np.float32), 0, "values_dark"),
    ],
)
def test_deep_values_are_scaled_by_their_type_alone_and_it_is_said(data: bytes, grey: int, code: str) -> None:
    assert first_grey(data) == grey
    assert codes(data) == [code]


def test_where_zero_is_white_deep_values_are_turned_around() -> None:
    assert first_grey(flat(0xF000, np.uint16, tiffinfo={262: 0})) == 15


def test_sixteen_bit_colours_keep_their_upper_half_and_it_is_said() -> None:
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    pixel = b"\0" + b"\x80\xff" * 3
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixel)) + chunk(b"IEND", b"")
    assert first_grey(data) == 0x80
    assert codes(data) == ["values_scaled"]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_white(mode: str) -> None:
    clear = Image.new("RGBA", (30, 20), (10, 20, 30, 0))
    clear.paste((0, 0, 0, 255), (15, 0, 30, 20))
    data = encoded(clear.quantize(4) if mode == "P" else clear.convert(mode), "PNG")
    assert first_grey(data) == 255
    assert Image.open(io.BytesIO(rendition(data))).getpixel((29, 0)) == (0, 0, 0)
    assert codes(data) == []


def test_an_image_that_is_transparent_everywhere_is_told() -> None:
    assert codes(encoded(Image.new("RGBA", (30, 20), (10, 20, 30, 0)), "PNG")) == ["transparent_image"]


def test_cmyk_has_the_colours_of_print() -> None:
    cyan = Image.new("CMYK", (30, 20), (255, 0, 0, 0))
    for image_format in ("JPEG", "TIFF"):
        red, green, blue = Image.open(io.BytesIO(rendition(encoded(cyan, image_format)))).getpixel((5, 5))
        assert red < 20 < 200 < min(green, blue)


def test_of_several_pages_the_first_is_taken_and_it_is_said() -> None:
    pages = [Image.new("L", (30, 20), value) for value in (200, 50)]
    data = encoded(pages[0], save_all=True, append_images=pages[1:])
    assert first_grey(data) == 200
    assert codes(data) == ["first_page"]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_turns_size_thumbnail_and_rendition_alike(image_format: str, orientation: int) -> None:
    image = Image.new("RGB", (600, 300), "black")
    image.paste("white", (0, 0, 300, 150))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, image_format, exif=exif, **({"quality": 95} if image_format in ("JPEG", "WEBP") else {}))
    found = inspect(data, LIMIT)
    assert (found.width, found.height) == ((300, 600) if orientation > 4 else (600, 300))
    full = Image.open(io.BytesIO(rendition(data)))
    assert full.size == (found.width, found.height)
    corner = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation]
    for shown in (full, Image.open(io.BytesIO(found.thumbnail))):
        bright = {
            (x, y): shown.getpixel((int((0.25 + x / 2) * shown.width), int((0.25 + y / 2) * shown.height)))[0] > 128
            for x in (0, 1)
            for y in (0, 1)
        }
        assert [place for place, is_bright in bright.items() if is_bright] == [corner]


def test_brightness_is_the_mean_grey() -> None:
    image = Image.new("L", (400, 200), 50)
    image.paste(150, (0, 0, 200, 200))
    assert inspect(encoded(image, "PNG"), LIMIT).brightness == pytest.approx(100, abs=0.5)


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def distance(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_near_duplicates_have_near_hashes_and_others_far_ones() -> None:
    hashes = [inspect(encoded(scene(seed), "PNG"), LIMIT).phash for seed in range(8)]
    for seed, known in enumerate(hashes):
        assert len(known) == 16
        changed = [
            encoded(scene(seed), "JPEG", quality=40),
            encoded(scene(seed).resize((320, 240)), "JPEG", quality=80),
            encoded(scene(seed).point(lambda value: value * 0.8 + 10), "PNG"),
        ]
        assert max(distance(inspect(data, LIMIT).phash, known) for data in changed) <= 6
        assert min(distance(other, known) for other in hashes if other != known) >= 16


def test_the_hash_is_the_one_of_the_literature() -> None:
    grey = scene(3).convert("L")
    small = np.asarray(grey.resize((32, 32), Image.Resampling.BOX), float)
    place = np.arange(32) + 0.5
    frequencies = [
        np.sum(small * np.outer(np.cos(np.pi * v * place / 32), np.cos(np.pi * u * place / 32)))
        for v in range(1, 9)
        for u in range(1, 9)
    ]
    bits = "".join("1" if value > np.median(frequencies) else "0" for value in frequencies)
    assert perceptual_hash(grey) == f"{int(bits, 2):016x}"


def test_images_of_one_colour_have_one_hash() -> None:
    assert {inspect(flat(value, np.uint8), LIMIT).phash for value in (0, 77, 255)} == {"0" * 16}


def test_a_comment_of_the_file_does_not_go_into_its_thumbnail() -> None:
    assert b"secret" not in thumbnail(encoded(scene(1), "JPEG", comment=b"secret"))


def samples() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = scene(4, (90, 60))
    grey = np.asarray(image.convert("L"))
    clear = image.convert("RGBA")
    clear.putalpha(image.convert("L"))
    return [
        encoded(image, "JPEG", exif=exif),
        encoded(image, "JPEG", progressive=True),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(clear, "PNG", exif=exif),
        encoded(image.quantize(16), "PNG", transparency=3),
        encoded(Image.fromarray(grey.astype(np.uint16) * 256), "PNG"),
        encoded(image, "BMP"),
        encoded(clear, "WEBP", exif=exif),
        encoded(Image.fromarray(grey.astype(np.float32)), compression="tiff_lzw"),
        encoded(image, save_all=True, append_images=[image], compression="jpeg", exif=exif),
        encoded(Image.fromarray(grey.astype(np.uint16) * 256)),
    ]


def test_a_thousand_damaged_images_are_read_or_refused_and_leave_no_memory() -> None:
    chance = random.Random(11)
    kinds = samples()
    refusals: set[str] = set()
    readable, settled = 0, 0
    tracemalloc.start()
    for number in range(1100):
        data = bytearray(kinds[number % len(kinds)])
        for _ in range(chance.choice((1, 2, 8))):
            place = chance.randrange(len(data) if chance.random() < 0.5 else min(len(data), 120))
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        try:
            found = inspect(bytes(data), LIMIT // 100)
            assert 0 < found.width * found.height <= LIMIT // 100
            assert 0 <= found.brightness <= 255
            readable += 1
        except Invalid as error:
            refusals.add(error.code)
        if number == 300:
            settled = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - settled
    tracemalloc.stop()
    assert {"not_an_image", "damaged_image"} <= refusals
    assert refusals <= {"not_an_image", "damaged_image", "image_too_large", "unknown_image_format"}
    assert 100 < readable < 900
    assert grown < 5_000_000


GROWTH = """
import resource, sys
from pathlib import Path
from shared.taskkit.images import inspect
data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
inspect(data, 10**8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(("mode", "per_pixel"), [("RGB", 4), ("RGBA", 4), ("LA", 4), ("P", 1), ("I;16", 2)])
def test_a_large_image_takes_little_more_memory_than_its_decoded_pixels(
    tmp_path: Path, mode: str, per_pixel: int
) -> None:
    pixels = 5000 * 5000
    Image.new(mode, (5000, 5000)).save(tmp_path / "large.png")
    made = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path / "large.png")], capture_output=True, check=True, text=True
    )
    assert int(made.stdout) * 1024 < per_pixel * pixels + 64 * 1024**2
