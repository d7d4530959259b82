"""Makes a small dataset of coloured shapes in class folders: `python -m scripts.generate FOLDER`.

The same call always writes the same images.
"""

import math
import random
import sys
from collections.abc import Callable
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
    """Write the dataset into `folder` and return it."""
    for name in SHAPES:
        chance = random.Random(f"{seed}/{name}")
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            draw_one(name, chance).save(target / f"{name}_{number:03d}.jpg", quality=90)
    return folder


def draw_one(name: str, chance: random.Random) -> Image.Image:
    """Return one image of a class: its shape somewhere, on a grey ground with some noise."""
    base, outline = SHAPES[name]
    ground = chance.randint(170, 215)
    noise = Image.frombytes("L", (SIDE, SIDE), chance.randbytes(SIDE * SIDE))
    image = noise.point(lambda value: ground + value // 6).convert("RGB")
    size = chance.uniform(0.22, 0.4) * SIDE
    x, y = (chance.uniform(size, SIDE - size) for _ in range(2))
    color = tuple(max(0, min(255, part + chance.randint(-35, 35))) for part in base)
    corners = [(x + size * dx, y + size * dy) for dx, dy in outline(chance.uniform(0, 2 * math.pi))]
    ImageDraw.Draw(image).polygon(corners, fill=color)
    return image


if __name__ == "__main__":
    print(generate(Path(sys.argv[1])))
