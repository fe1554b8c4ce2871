"""A handful of questions to try a linker on: a small knowledge base of coloured shapes, and drawn pictures of them."""

from pathlib import Path

from PIL import Image, ImageDraw

from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, Query

SIZE = (40, 32)
"""(width, height) of the pictures, but for one."""

SHAPES = (
    ("red disc", "disc", (210, 40, 40)),
    ("blue disc", "disc", (40, 60, 200)),
    ("green square", "square", (40, 150, 60)),
    ("yellow square", "square", (230, 200, 40)),
    ("black stripe", "stripe", (20, 20, 20)),
    ("white stripe", "stripe", (245, 245, 245)),
)


def trial_set(folder: Path) -> tuple[KnowledgeBase, list[Query]]:
    """The knowledge base and seven queries; their images are written to the folder.

    The first four share one image size; the fifth has another, the sixth has fewer candidates, the last has none.
    """
    kb = KnowledgeBase(
        Entity(
            id=f"shape-{index}",
            name=name,
            aliases=(name.split()[1],),
            description=f"a {name} on grey",
            text=f"The {name} is a {form} painted {name.split()[0]} on a grey ground.",
            type="shape",
            popularity=float(len(SHAPES) - index),
        )
        for index, (name, form, _) in enumerate(SHAPES)
    )
    queries = []
    for number, shape in enumerate((0, 3, 4, 1, 2, 5, 0)):
        name, form, colour = SHAPES[shape]
        image = folder / f"picture-{number}.png"
        draw((24, 24) if number == 4 else SIZE, form, colour).save(image)
        text = f"Somebody painted a {name} on the wall."
        start = text.index(name)
        candidates = kb.ids[number % 3 :] + kb.ids[: number % 3]
        candidates = {5: candidates[:3], 6: ()}.get(number, candidates)
        queries.append(Query(f"trial{number}", text, name, (start, start + len(name)), image, candidates))
    return kb, queries


def draw(size: tuple[int, int], form: str, colour: tuple[int, int, int]) -> Image.Image:
    """A shape on a grey ground."""
    image = Image.new("RGB", size, (128, 128, 128))
    pencil = ImageDraw.Draw(image)
    width, height = size
    box = (width // 4, height // 5, width - width // 4, height - height // 5)
    if form == "disc":
        pencil.ellipse(box, fill=colour)
    elif form == "square":
        pencil.rectangle(box, fill=colour)
    else:
        pencil.rectangle((0, height // 3, width, height - height // 3), fill=colour)
    return image
