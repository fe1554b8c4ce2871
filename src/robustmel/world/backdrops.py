"""What lies behind a flag: simple painted places, one function each."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from robustmel.world.chance import Generator

Colour = tuple[int, int, int]


def _near(random: Generator, colour: Colour, spread: int = 18) -> Colour:
    """A colour like the given one."""
    red, green, blue = random.integers(-spread, spread + 1, 3).tolist()
    return _byte(colour[0] + red), _byte(colour[1] + green), _byte(colour[2] + blue)


def _byte(value: int) -> int:
    return min(max(value, 0), 255)


def _gradient(side: int, top: Colour, bottom: Colour) -> Image.Image:
    """Two colours that pass into each other from top to bottom."""
    ends = np.array([[top], [bottom]], dtype=np.uint8)
    return Image.fromarray(ends).resize((side, side), Image.Resampling.BILINEAR)


def _mottled(side: int, random: Generator, colour: Colour, spread: int, cells: int) -> Image.Image:
    """Soft irregular patches of a colour."""
    patches = random.integers(-spread, spread + 1, (cells, cells, 1)) + random.integers(-5, 6, (cells, cells, 3))
    field = np.clip(np.asarray(colour) + patches, 0, 255).astype(np.uint8)
    return Image.fromarray(field).resize((side, side), Image.Resampling.BICUBIC)


def _people(picture: Image.Image, random: Generator, top: int, count: int, dark: float) -> None:
    """A crowd: heads over shoulders, the nearest drawn last."""
    draw, side = ImageDraw.Draw(picture), picture.width
    for row in np.sort(random.integers(top, side + 4, count)).tolist():
        x, size = int(random.integers(-2, side + 2)), 2 + (row - top) // 12
        coat, skin = random.integers(20, 230, 3).tolist(), int(random.integers(70, 225))
        body: Colour = (int(coat[0] * dark), int(coat[1] * dark), int(coat[2] * dark))
        draw.ellipse((x - size - 1, row, x + size + 1, row + 4 * size), fill=body)
        face: Colour = (int(skin * dark), int(skin * 0.8 * dark), int(skin * 0.65 * dark))
        draw.ellipse((x - size // 2 - 1, row - size, x + size // 2 + 1, row + 1), fill=face)


def sky(side: int, random: Generator) -> Image.Image:
    """Blue or overcast, with soft clouds."""
    blue, grey = random.integers(150, 245), random.integers(120, 200)
    picture = _gradient(side, _near(random, (int(grey) - 60, int(grey) - 10, int(blue))), _near(random, (205, 220, 235)))
    clouds = random.integers(0, 150, (5, 4)).astype(np.uint8)
    mask = Image.fromarray(clouds).resize((side, side), Image.Resampling.BICUBIC)
    picture.paste(_near(random, (235, 236, 240), 12), (0, 0, side, side), mask)
    return picture


def crowd(side: int, random: Generator) -> Image.Image:
    """People in the street below a pale sky."""
    picture = _gradient(side, _near(random, (190, 200, 210), 30), _near(random, (120, 118, 115), 25))
    _people(picture, random, side // 4, 70, 0.9)
    return picture


def grass(side: int, random: Generator) -> Image.Image:
    """A pitch or a lawn below a strip of something else."""
    picture = _mottled(side, random, _near(random, (70, 125, 50)), 22, 12)
    horizon = int(random.integers(0, side // 2))
    ImageDraw.Draw(picture).rectangle((0, 0, side, horizon), fill=_near(random, (150, 175, 190), 40))
    return picture


def wall(side: int, random: Generator) -> Image.Image:
    """Stone or plaster, sometimes in courses."""
    picture = _mottled(side, random, _near(random, (175, 160, 140), 45), 14, 9)
    if random.uniform() < 0.6:
        draw, course = ImageDraw.Draw(picture), int(random.integers(5, 11))
        joint = _near(random, (120, 110, 100))
        for row, y in enumerate(range(int(random.integers(0, course)), side, course)):
            draw.line((0, y, side, y), fill=joint)
            for x in range((row % 2) * course, side, 2 * course):
                draw.line((x, y, x, y + course), fill=joint)
    return picture


def sea(side: int, random: Generator) -> Image.Image:
    """Water with glints, and sky above it."""
    picture = _gradient(side, _near(random, (150, 185, 215), 30), _near(random, (215, 225, 230)))
    horizon = int(random.integers(side // 5, (3 * side) // 4))
    water = _mottled(side, random, _near(random, (35, 85, 120), 25), 16, 16)
    picture.paste(water.crop((0, 0, side, side - horizon)), (0, horizon))
    draw = ImageDraw.Draw(picture)
    for x, y, length in zip(
        random.integers(0, side, 24).tolist(),
        random.integers(horizon, side + 1, 24).tolist(),
        random.integers(1, 6, 24).tolist(),
        strict=True,
    ):
        draw.line((x, y, x + length, y), fill=_near(random, (170, 200, 215)))
    return picture


def hall(side: int, random: Generator) -> Image.Image:
    """A conference room: curtains in upright folds above a table."""
    tone = _near(random, (90, 60, 50), 40)
    stripes = np.clip(np.asarray(tone) + random.integers(-28, 29, (1, 14, 1)), 0, 255).astype(np.uint8)
    picture = Image.fromarray(stripes).resize((side, side), Image.Resampling.BICUBIC)
    ImageDraw.Draw(picture).rectangle(
        (0, side - int(random.integers(4, 18)), side, side), fill=_near(random, (110, 75, 45), 30)
    )
    return picture


def stadium(side: int, random: Generator) -> Image.Image:
    """A stand at night: a dark crowd under floodlights."""
    picture = _gradient(side, _near(random, (15, 18, 35), 12), _near(random, (45, 45, 60)))
    _people(picture, random, side // 3, 80, 0.45)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(2, 5))):
        x, y, size = (int(value) for value in random.integers((0, 0, 1), (side, side // 4, 4)))
        draw.ellipse((x - size, y - size, x + size, y + size), fill=(250, 250, 235))
    return picture


def dusk(side: int, random: Generator) -> Image.Image:
    """A red evening sky above a dark skyline."""
    picture = _gradient(side, _near(random, (60, 60, 110), 25), _near(random, (235, 140, 80), 20))
    draw, x = ImageDraw.Draw(picture), 0
    while x < side:
        width, height = (int(value) for value in random.integers((5, 4), (14, side // 3)))
        draw.rectangle((x, side - height, x + width, side), fill=_near(random, (35, 30, 40), 10))
        x += width
    return picture


def harbour(side: int, random: Generator) -> Image.Image:
    """Masts and hulls over grey water."""
    picture = _gradient(side, _near(random, (175, 185, 195), 25), _near(random, (70, 90, 100)))
    draw = ImageDraw.Draw(picture)
    for x in random.integers(0, side, 9).tolist():
        foot = int(random.integers(side // 2, side))
        draw.line((x, int(random.integers(0, side // 3)), x, foot), fill=_near(random, (215, 210, 200), 35))
        draw.ellipse((x - 9, foot - 2, x + 9, foot + 4), fill=_near(random, (200, 200, 205), 50))
    return picture


def street(side: int, random: Generator) -> Image.Image:
    """House fronts with windows."""
    picture = _mottled(side, random, _near(random, (165, 130, 105), 40), 10, 6)
    draw, gap = ImageDraw.Draw(picture), int(random.integers(10, 16))
    pane = _near(random, (60, 70, 85), 25)
    for x in range(int(random.integers(0, gap)), side, gap):
        for y in range(int(random.integers(0, gap)), side, gap + 3):
            draw.rectangle((x, y, x + gap // 2, y + gap // 2 + 2), fill=pane)
    return picture


BACKDROPS: dict[str, Callable[[int, Generator], Image.Image]] = {
    paint.__name__: paint for paint in (sky, crowd, grass, wall, sea, hall, stadium, dusk, harbour, street)
}
