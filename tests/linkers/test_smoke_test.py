"""A model's folder is tried whole when it is loaded: what does not fit together is one sentence, before any run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.contract import Differentiable, capabilities
from robustmel.linkers.dual_encoder import DualEncoder

Make = Callable[..., DualEncoder]


@pytest.fixture
def copy(clip_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_folder, tmp_path / "a model"))


def edit(file: Path, *keys: str, **values: Any) -> None:
    """Sets values of a JSON file, in the part of it that the keys lead to."""
    whole = json.loads(file.read_text())
    part = whole
    for key in keys:
        part = part[key]
    part.update(values)
    file.write_text(json.dumps(whole))


def refused(folder: Path, family: str = "clip") -> str:
    with pytest.raises(MissingError) as caught:
        LINKERS.create(family, KnowledgeBase(()), model=str(folder), device="cpu")
    with pytest.raises(MissingError) as planned:
        capabilities(LINKERS.load(family), LINKERS.parameters(family, {"model": str(folder)}))
    assert str(planned.value) == str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_a_tokenizer_of_another_model_is_told_by_its_ids(copy: Path) -> None:
    (copy / "added_tokens.json").write_text(json.dumps({"zebra": 259, "yak": 260}))
    assert "its tokenizer gives ids up to 260, but its text tower has 259 token embeddings" in refused(copy)


def test_special_tokens_that_no_text_holds_may_lie_beyond_the_table(copy: Path, kb: KnowledgeBase) -> None:
    edit(copy / "tokenizer_config.json", extra_special_tokens={"image_token": "<image>"})
    linker = LINKERS.create("clip", kb, model=str(copy), device="cpu")
    assert linker.tokenizer.get_vocab()["<image>"] == 259


@pytest.mark.parametrize("family", ["blip", "blip2", "clip", "flava", "owlvit", "siglip"])
def test_a_picture_of_a_size_that_the_tower_does_not_take_is_told(
    family: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders[family], tmp_path / "model"))
    square = {"height": 40, "width": 40}
    edit(folder / "preprocessor_config.json", size=square, crop_size=square)
    assert "its image tower does not take the 40x40 that preprocessor_config.json asks for" in refused(folder, family)


def test_pictures_that_come_to_no_one_size_are_told(copy: Path) -> None:
    edit(copy / "preprocessor_config.json", do_center_crop=False)
    assert "makes 48x32 of a picture of 47x31, and 32x48 of one of 31x47; all must come to one size" in refused(copy)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"image_std": [0, 0, 0]}, "makes values that are not finite"),
        ({"rescale_factor": float("nan")}, "makes values that are not finite"),
        ({"rescale_factor": 0}, "makes the same of all pictures"),
    ],
)
def test_what_a_processor_makes_must_be_numbers_that_differ(given: dict[str, Any], said: str, copy: Path) -> None:
    edit(copy / "preprocessor_config.json", **given)
    assert f"its image processor {said}; correct preprocessor_config.json" in refused(copy)


def test_a_tokenizer_of_another_class_is_quoted(copy: Path) -> None:
    edit(copy / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    (copy / "vocab.txt").write_text("one\ntwo\n")
    assert "its tokenizer fails on a text; correct tokenizer_config.json (WordPiece error" in refused(copy)


def test_a_processor_that_fails_is_quoted(copy: Path) -> None:
    edit(copy / "preprocessor_config.json", size={"longest_edge": 32})
    assert "its image processor fails on a picture of 47x31; correct preprocessor_config.json (Size must contain" in refused(
        copy
    )


@pytest.mark.parametrize(("weight", "what"), [("visual_projection.weight", "images"), ("text_projection.weight", "texts")])
def test_damaged_weights_are_told(weight: str, what: str, copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    weights[weight] = weights[weight] * torch.nan
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert f"its embeddings of {what} are not finite" in refused(copy)


def test_a_text_tower_that_waits_for_another_end_token_is_told(copy: Path) -> None:
    edit(copy / "config.json", "text_config", eos_token_id=3)
    assert "gives all texts one embedding; does config.json state the tokenizer's eos_token_id?" in refused(copy)


def test_a_mean_for_all_channels_is_read_as_the_library_reads_it(copy: Path, kb: KnowledgeBase) -> None:
    edit(copy / "preprocessor_config.json", image_mean=0.5, image_std=0.25)
    linker = LINKERS.create("clip", kb, model=str(copy), device="cpu")
    picture = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    library = AutoImageProcessor.from_pretrained(copy, backend="pil")
    assert torch.equal(
        linker.preprocessing.pictures([picture]), library(Image.fromarray(picture), return_tensors="pt")["pixel_values"]
    )


@pytest.mark.parametrize("alone", [True, False])
def test_options_in_a_processor_s_file_are_read_as_the_library_reads_them(alone: bool, copy: Path, kb: KnowledgeBase) -> None:
    """`processor_config.json` may hold the image processor's options; where both files do, it decides."""
    plain = json.loads((copy / "preprocessor_config.json").read_text())
    (copy / "processor_config.json").write_text(json.dumps({"image_processor": plain | {"image_mean": [0.1, 0.2, 0.3]}}))
    if alone:
        (copy / "preprocessor_config.json").unlink()
    linker = LINKERS.create("clip", kb, model=str(copy), device="cpu")
    assert linker.preprocessing.settings.mean == (0.1, 0.2, 0.3)
    picture = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    library = AutoImageProcessor.from_pretrained(copy, backend="pil")(Image.fromarray(picture), return_tensors="pt")
    assert torch.equal(linker.preprocessing.pictures([picture]), library["pixel_values"])
    assert "processor_config.json" in {path.name for path in LINKERS.load("clip").assets(model=str(copy))}


def test_trying_a_folder_leaves_nothing_behind(make: Make) -> None:
    assert len(make("clip").text_tower.cut) == 0


def test_a_processor_that_is_not_understood_takes_the_gradients_away(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustmel.linkers.processor_settings.SPELLINGS", ())
    parameters = LINKERS.parameters("clip", {"model": str(copy)})
    able = capabilities(LINKERS.load("clip"), parameters)
    assert not able.gradients
    assert able.scores
    assert "(CLIPImageProcessorPil) has unknown options" in able.no_gradient
    linker = LINKERS.create("clip", KnowledgeBase(()), model=str(copy), device="cpu")
    assert not isinstance(linker, Differentiable)
    assert not capabilities(linker).gradients
