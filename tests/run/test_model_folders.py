"""What a model's folder and a linker's parameters cannot do is said while a grid is planned, before anything is made."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import robustmel as rm
from robustmel.errors import MissingError, UsageError
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.plan import Plan
from robustmel.run.store import Store

CLIP = Path(rm.__file__).parent / "world" / "checkpoints" / "clip-world"
CONVNEXT = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 48}, "crop_pct": 0.9}
"""A processor of the library that fits the tower, and resizes by a rule of its own."""


def folder(at: Path, **options: Any) -> str:
    """clip-world with other options of its image processor."""
    file = Path(shutil.copytree(CLIP, at)) / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | options))
    return str(at)


def planned(data: Path, *linkers: Any, attacks: tuple[Any, ...] = (), **change: Any) -> Plan:
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "tasks": ["I2T"], "linkers": list(linkers)}
    return expand(parse_grid({**table, "attacks": ["clean", *attacks], **change}), Builder(Store(data / "store")))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"query_text": "title"}, 'linker clip: query_text = "title"; expected one of "sentence", "surface", "both"'),
        ({"template": 255}, "linker clip: template = 255; expected text"),
        ({"template": "{nmae}"}, 'linker clip-world: template = "{nmae}" cannot be filled in: it must hold {name}'),
        ({"query_template": "x"}, 'query_template = "x" cannot be filled in: it must hold {text}'),
        ({"batch_size": "x"}, 'linker clip: batch_size = "x"; expected a whole number'),
        ({"batch_size": 0}, "linker clip-world: batch_size = 0; expected at least 1"),
        ({"normalise": float("nan")}, "linker clip: normalise = nan; expected true or false"),
        ({"normalise": "no"}, 'linker clip: normalise = "no"; expected true or false'),
        ({"device": "warp"}, 'device = "warp" is unknown'),
    ],
)
def test_a_wrong_parameter_of_the_last_linker_is_told_before_the_first_one_s_sets(
    parameters: dict[str, Any], said: str, colour_data: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        planned(colour_data, "siglip-world", {"name": "clip-world", **parameters})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_of_one_piece_is_told_before_anything_is_made(colour_data: Path, tmp_path: Path) -> None:
    broken = {"name": "clip", "model": folder(tmp_path / "model", size={"height": 40, "width": 40})}
    with pytest.raises(MissingError, match="its image tower does not take the 40x40"):
        planned(colour_data, "siglip-world", broken)
    assert not (colour_data / "store").exists()


def test_gradients_that_cannot_be_trusted_are_refused_in_the_plan_with_the_ways_out(colour_data: Path, tmp_path: Path) -> None:
    odd = {"name": "clip", "label": "odd", "model": folder(tmp_path / "model", **CONVNEXT)}
    with pytest.raises(UsageError) as caught:
        planned(colour_data, odd, attacks=("pgd",))
    assert (
        "attack pgd needs gradients and linker odd has none: its image processor (ConvNextImageProcessorPil) has unknown options"
        in str(caught.value)
    )
    assert (
        'Set source = "clip-world" (or another linker with gradients) to craft the images on it, or use attack "square"'
        in str(caught.value)
    )
    plan = planned(colour_data, odd, attacks=("square", {"name": "pgd", "source": "clip-world"}))
    assert len(plan.cells) == 3


def test_a_linker_without_a_trusted_gradient_is_attacked_by_its_scores_and_by_transfer(tmp_path: Path) -> None:
    data = rm.load_dataset("world-news", split="test")[:4]
    linker = rm.load_linker("clip", data, model=folder(tmp_path / "model", **CONVNEXT))
    with pytest.raises(UsageError, match=r"linker clip has none: its image processor \(ConvNextImageProcessorPil\).*square"):
        rm.attack(linker, data, "pgd", store=tmp_path / "store")
    assert rm.attack(linker, data, "square", queries=5, store=tmp_path / "store").clean_accuracy == 1.0
    moved = rm.attack(linker, data, "pgd", source="clip-world", steps=5, store=tmp_path / "store")
    assert moved.robust_accuracy <= moved.clean_accuracy == 1.0


def test_an_attack_sees_through_a_preprocessing_however_it_is_spelt(tmp_path: Path) -> None:
    """Twins with one forward pass, on pictures of 3:2: what PGD leaves of them is the same, to the last mention."""
    data = rm.load_dataset("world-news", split="test")[:20]
    mentions = []
    for number, mention in enumerate(data.mentions):
        assert mention.image is not None
        wide = tmp_path / f"{number}.png"
        Image.open(mention.image).convert("RGB").resize((72, 48)).save(wide)
        mentions.append(replace(mention, image=wide))
    data = replace(data, mentions=tuple(mentions))
    sizes = {
        "short": {"shortest_edge": 48},
        "both": {"shortest_edge": 48, "longest_edge": 96},
        "most": {"max_height": 48, "max_width": 96},
    }
    left = {}
    for name, size in sizes.items():
        model = folder(tmp_path / name, size=size, do_center_crop=True, crop_size={"height": 48, "width": 48})
        linker = rm.load_linker("clip", data, model=model)
        result = rm.attack(linker, data, "pgd", eps=8 / 255, steps=5, store=tmp_path / "store")
        left[name] = (result.clean_accuracy, result.robust_accuracy)
    assert left["both"] == left["most"] == left["short"]
    assert left["short"][1] < 0.3 < 0.8 < left["short"][0]
