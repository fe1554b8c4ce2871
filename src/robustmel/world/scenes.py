"""Photographs that never were: a flag in the wind, lit, partly hidden, in front of something, seen by a noisy camera."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from robustmel.images import Pixels
from robustmel.world.backdrops import BACKDROPS
from robustmel.world.chance import Generator, stream
from robustmel.world.cloth import FOLDS, Array, Folds, Pose, flag_coordinates, sampled
from robustmel.world.flags import draw_flag

SIDE = 64
"""Width and height of a scene in pixels."""

_TEXTURE_HEIGHT = 56
"""Close to a flag's height in a scene, so that plain bilinear sampling neither blurs nor aliases much."""


@dataclass(frozen=True)
class SceneSettings:
    """What may happen in the scenes of a split; (low, high) ranges are drawn from uniformly.

    Args:
        backdrops: Names in `BACKDROPS`.
        folds: Names in `FOLDS`.
        area: The flag's share of the picture's area before it is cropped.
        turn: Largest rotation either way, in turns.
        tilt: Largest perspective either way.
        brightness: Factor on all pixels.
        tint: Largest change of one colour channel's factor.
        haze: How far colours fade towards grey.
        noise: Standard deviation of the sensor noise, in 8-bit steps.
        blur: Of the whole picture, in pixels.
        hidden: Share of scenes in which something stands before the flag.
    """

    backdrops: tuple[str, ...]
    folds: tuple[str, ...]
    area: tuple[float, float] = (0.4, 1.05)
    turn: float = 0.04
    tilt: float = 0.3
    brightness: tuple[float, float] = (0.5, 1.25)
    tint: float = 0.2
    haze: tuple[float, float] = (0.0, 0.5)
    noise: tuple[float, float] = (3.0, 20.0)
    blur: tuple[float, float] = (0.0, 1.5)
    hidden: float = 0.5


FAMILIES = {
    "train": SceneSettings(("sky", "crowd", "grass", "wall", "sea", "hall"), ("wave", "diagonal", "drape")),
    "validation": SceneSettings(("sky", "crowd", "sea", "dusk", "street"), ("wave", "drape", "ripple"), turn=0.045),
    "test": SceneSettings(
        ("sky", "grass", "wall", "stadium", "harbour"),
        ("wave", "diagonal", "sag"),
        turn=0.05,
        tilt=0.35,
        brightness=(0.45, 1.3),
        noise=(3.0, 22.0),
    ),
}
"""The splits differ in places, in how the cloth hangs and a little in light and angle, but show the same kind of picture."""


def draw_scene(entity_id: str, seed: int, family: str = "train") -> Image.Image:
    """A scene with an entity's flag: RGB, `SIDE` pixels wide and high.

    Args:
        entity_id: An entity of the embedded world.
        seed: Which scene; the same entity, seed and family give the same pixels under the same Pillow and numpy.
        family: A name in `FAMILIES`.
    """
    random, rules = stream("scene", family, entity_id, seed), FAMILIES[family]
    place = rules.backdrops[int(random.integers(len(rules.backdrops)))]
    picture = BACKDROPS[place](SIDE, random).filter(ImageFilter.GaussianBlur(float(random.uniform(0.3, 1.6))))
    texture = _texture(entity_id)
    folds = rules.folds[int(random.integers(len(rules.folds)))]
    pose = _pose((texture.shape[1] - 2) / (texture.shape[0] - 2), rules, random)
    x, y = flag_coordinates(pose, SIDE)
    shape: Folds = FOLDS[folds](x, y, random)
    cloth = sampled(texture, x + shape.across, y + shape.down)
    light = 1 + random.uniform(0.1, 0.45) * shape.slope + random.uniform(-0.12, 0.12) * x
    behind = np.asarray(picture, dtype=np.float64)
    seen = cloth[..., :3] * light[..., None] + behind * (1 - cloth[..., 3:])
    picture = Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))
    if random.uniform() < rules.hidden:
        _stand_before(picture, random)
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(*rules.blur))))
    return Image.fromarray(_photographed(np.asarray(picture, dtype=np.float64), rules, random))


@lru_cache(maxsize=256)
def _texture(entity_id: str) -> Array:
    """The flat flag, colours (0 to 255) multiplied by coverage (0 to 1), in a margin of one empty pixel: (H + 2, W + 2, 4)."""
    flat = np.asarray(draw_flag(entity_id, _TEXTURE_HEIGHT).convert("RGBA"), dtype=np.float64)
    coverage = flat[..., 3:] / 255
    return np.pad(np.concatenate([flat[..., :3] * coverage, coverage], axis=2), ((1, 1), (1, 1), (0, 0)))


def _pose(aspect: float, rules: SceneSettings, random: Generator) -> Pose:
    """Seen at an angle a long flag looks shorter, which also makes it fill a square picture."""
    apparent = 1 + (aspect - 1) * random.uniform(0.45, 1.0)
    height = SIDE * math.sqrt(random.uniform(*rules.area) / apparent)
    middle, stray = SIDE / 2, 0.14 * SIDE
    return Pose(
        centre=(middle + random.uniform(-stray, stray), middle + random.uniform(-stray, stray)),
        size=(height * apparent, height),
        turn=random.uniform(-rules.turn, rules.turn),
        tilt=(random.uniform(-rules.tilt, rules.tilt), random.uniform(-rules.tilt, rules.tilt) / 2),
    )


def _stand_before(picture: Image.Image, random: Generator) -> None:
    """Heads, a pole or a bough in front of the flag."""
    draw = ImageDraw.Draw(picture)
    shade = tuple(int(value) for value in random.integers(15, 120) + random.integers(-10, 11, 3))
    what = int(random.integers(3))
    if what == 0:
        for x in random.integers(0, SIDE, int(random.integers(1, 4))).tolist():
            size, top = int(random.integers(4, 9)), SIDE - int(random.integers(6, 20))
            draw.ellipse((x - size, top, x + size, top + 2 * size), fill=shade)
            draw.rectangle((x - 2 * size, top + 2 * size, x + 2 * size, 2 * SIDE), fill=shade)
    elif what == 1:
        x, lean, width = (int(value) for value in random.integers((0, -12, 2), (SIDE, 13, 5)))
        draw.line((x, 0, x + lean, SIDE), fill=shade, width=width)
    else:
        corner_x, corner_y = (int(value) * SIDE for value in random.integers(0, 2, 2))
        for dx, dy, size in random.integers((-22, -22, 3), (23, 23, 8), (9, 3)).tolist():
            x, y = corner_x + dx, corner_y + dy
            draw.ellipse((x - size, y - size, x + size, y + size), fill=shade)


def _photographed(pixels: Array, rules: SceneSettings, random: Generator) -> Pixels:
    """Haze, exposure, the colour of the light, and sensor noise."""
    haze, brightness = random.uniform(*rules.haze), random.uniform(*rules.brightness)
    tint = 1 + random.uniform(-rules.tint, rules.tint, 3)
    exposed = (pixels + haze * (random.uniform(90, 190) - pixels)) * (brightness * tint)
    # The sum of four dice is close to a bell curve and free of transcendental functions.
    dice = random.integers(-128, 129, (4, *pixels.shape), dtype=np.int16)
    grain = dice[0] + dice[1] + dice[2] + dice[3]
    deviation = math.sqrt(4 * (257**2 - 1) / 12)
    seen: Array = exposed + grain * (random.uniform(*rules.noise) / deviation)
    return np.rint(np.clip(seen, 0, 255)).astype(np.uint8)
