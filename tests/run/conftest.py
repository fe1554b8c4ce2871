from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {
    "red": (0.9, 0.1, 0.1),
    "green": (0.1, 0.7, 0.2),
    "blue": (0.1, 0.2, 0.8),
    "white": (0.9, 0.9, 0.9),
    "black": (0.1, 0.1, 0.1),
    "gold": (0.9, 0.8, 0.2),
}


@pytest.fixture
def colour_data(tmp_path: Path) -> Path:
    """Eighteen mentions of six colours, images of two sizes, in the project's own format."""
    return make_colour_data(tmp_path / "colours")


def make_colour_data(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    generator = np.random.default_rng(0)
    mentions, names = [], list(COLOURS)
    for number in range(18):
        name = names[number % 6]
        size = (9, 12) if number % 3 else (8, 8)
        pixels = np.array(COLOURS[name]) + generator.normal(0, 0.05, (*size, 3))
        image = f"images/{number}.png"
        Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(folder / image)
        candidates = [names[(number + step) % 6] for step in range(2 + number % 3)]
        mentions.append(
            {"id": f"m{number}", "text": f"The {name} flag, number {number}.", "surface": name, "image": image, "gold": name}
            | {"candidates": sorted(candidates), "split": "test"}
        )
    entities = [{"id": name, "name": name, "description": " ".join(map(str, colour))} for name, colour in COLOURS.items()]
    (folder / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mentions))
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in entities))
    return folder
