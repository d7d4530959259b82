"""Makes a small dataset for a kind of annotation: `python -m scripts.generate FOLDER [KIND]`.

The same call always writes the same images.
"""

import csv
import json
import math
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageDraw

Point = tuple[float, float]
SIDE = 128
PER_CLASS = 100


def _regular(corners: int, inner: float = 1.0) -> Callable[[float], list[Point]]:
    """Return a drawer of a regular figure; with `inner` below 1 every second corner is drawn in."""

    def points(turn: float) -> list[Point]:
        radii = [1.0 if index % 2 == 0 else inner for index in range(corners)]
        angles = [turn + 2 * math.pi * index / corners for index in range(corners)]
        return [
            (radius * math.cos(angle), radius * math.sin(angle)) for radius, angle in zip(radii, angles, strict=True)
        ]

    return points


SHAPES: dict[str, tuple[tuple[int, int, int], Callable[[float], list[Point]]]] = {
    "disc": ((200, 60, 50), _regular(40)),
    "square": ((60, 90, 200), _regular(4)),
    "star": ((215, 175, 40), _regular(10, inner=0.45)),
    "triangle": ((50, 150, 80), _regular(3)),
}
"""Colour and outline of each class."""


def generate(folder: Path, per_class: int = PER_CLASS, seed: int = 7) -> Path:
    """Write class folders of one shape an image into `folder` and return it."""
    for name in SHAPES:
        chance = random.Random(f"{seed}/{name}")
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            draw_one(name, chance).save(target / f"{name}_{number:03d}.jpg", quality=90)
    return folder


def generate_boxes(folder: Path, count: int = 3 * PER_CLASS, seed: int = 7) -> Path:
    """Write images of up to five shapes and a COCO file of their boxes into `folder` and return it."""
    chance = random.Random(f"{seed}/boxes")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    names = list(SHAPES)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number in range(count):
        image, file_name = ground(chance), f"scene_{number:03d}.jpg"
        for _ in range(chance.randint(0, 5)):
            name, scale = chance.choice(names), chance.uniform(0.1, 0.22)
            left, top, right, low = draw_shape(image, name, scale, chance)
            place = {"id": len(annotations) + 1, "image_id": number, "category_id": names.index(name) + 1}
            box = [left, top, right - left, low - top]
            annotations.append({**place, "bbox": box, "area": box[2] * box[3], "iscrowd": 0})
        image.save(folder / "images" / file_name, quality=90)
        images.append({"id": number, "file_name": file_name, "width": SIDE, "height": SIDE})
    categories = [{"id": place, "name": name} for place, name in enumerate(names, 1)]
    content = {"images": images, "categories": categories, "annotations": annotations}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def generate_values(folder: Path, count: int = 3 * PER_CLASS, seed: int = 7) -> Path:
    """Write images of a filled tank and a table of its level and width into `folder` and return it."""
    chance = random.Random(f"{seed}/values")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "level_percent", "width_px"])
        for number in range(count):
            level, width = chance.randint(0, 100), chance.randint(20, 80)
            image, name = ground(chance), f"tank_{number:03d}.jpg"
            draw_tank(image, level / 100, width, chance)
            image.save(folder / name, quality=90)
            table.writerow([name, level, width])
    return folder


def draw_one(name: str, chance: random.Random) -> Image.Image:
    """Return one image of a class: its shape somewhere, on a grey ground with some noise."""
    image = ground(chance)
    draw_shape(image, name, chance.uniform(0.22, 0.4), chance)
    return image


def ground(chance: random.Random) -> Image.Image:
    """Return a grey image with some noise."""
    level = chance.randint(170, 215)
    noise = Image.frombytes("L", (SIDE, SIDE), chance.randbytes(SIDE * SIDE))
    return noise.point(lambda value: level + value // 6).convert("RGB")


def draw_shape(image: Image.Image, name: str, scale: float, chance: random.Random) -> tuple[float, float, float, float]:
    """Draw a shape somewhere and return its left, top, right and lower border; its radius is `scale` times the side."""
    base, outline = SHAPES[name]
    size = scale * SIDE
    x, y = (chance.uniform(size, SIDE - size) for _ in range(2))
    color = tuple(max(0, min(255, part + chance.randint(-35, 35))) for part in base)
    corners = [(x + size * dx, y + size * dy) for dx, dy in outline(chance.uniform(0, 2 * math.pi))]
    ImageDraw.Draw(image).polygon(corners, fill=color)
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def draw_tank(image: Image.Image, level: float, width: int, chance: random.Random) -> None:
    """Draw a tank `width` pixels wide that is filled to `level`, from 0 to 1."""
    draw = ImageDraw.Draw(image)
    left, top, height = chance.randint(6, SIDE - width - 6), chance.randint(8, 20), 96
    draw.rectangle((left, top, left + width, top + height), fill=(240, 240, 240), outline=(60, 60, 60), width=2)
    surface = top + height - round(level * (height - 4)) - 2
    draw.rectangle((left + 2, surface, left + width - 2, top + height - 2), fill=(50, 110, chance.randint(170, 230)))


GENERATORS: Mapping[str, Callable[[Path], Path]] = {
    "label": generate,
    "box": generate_boxes,
    "value": generate_values,
}
"""By the kind of annotation that a task wants."""


if __name__ == "__main__":
    print(GENERATORS[sys.argv[2] if len(sys.argv) > 2 else "label"](Path(sys.argv[1])))
