"""Folders as LLaVA-1.5 and Qwen2.5-VL are published: shards with an index, the weights' published names, an image processor's file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import robustmel as rm
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.types import Query

PUBLISHED = {
    "llava": {
        "model.language_model.": "language_model.model.",
        "model.multi_modal_projector.": "multi_modal_projector.",
        "model.vision_tower.": "vision_tower.vision_model.",
        "lm_head.": "language_model.lm_head.",
    },
    "qwen2.5-vl": {"model.language_model.": "model.", "model.visual.": "visual."},
}
"""Names of the library -> those in the files of llava-hf/llava-1.5-7b-hf and Qwen/Qwen2.5-VL-3B-Instruct."""

PROCESSORS = {"llava": "CLIPImageProcessor", "qwen2.5-vl": "Qwen2VLImageProcessor"}


def published(family: str, folder: Path, out: Path) -> Path:
    """The tiny model of a folder, as it would lie on the hub."""
    shutil.copytree(folder, out)
    weights = {}
    for name, value in load_file(out / "model.safetensors").items():
        start = next((start for start in PUBLISHED[family] if name.startswith(start)), "")
        weights[PUBLISHED[family].get(start, "") + name.removeprefix(start)] = value
    (out / "model.safetensors").unlink()
    names, where = sorted(weights), {}
    for shard in range(3):
        file = f"model-{shard + 1:05}-of-00003.safetensors"
        part = {name: weights[name].clone() for name in names[shard::3]}
        save_file(part, out / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    (out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    held = [json.loads(file.read_text()) for file in out.glob("*processor_config.json")]
    for file in out.glob("*processor_config.json"):
        file.unlink()
    images = held[0].get("image_processor", held[0]) | {"image_processor_type": PROCESSORS[family]}
    (out / "preprocessor_config.json").write_text(json.dumps(images))
    return out


@pytest.mark.parametrize("family", list(PUBLISHED))
def test_a_published_folder_scores_as_the_model_it_holds(
    family: str, folders: dict[str, Path], trial: tuple[KnowledgeBase, list[Query]], tmp_path: Path
) -> None:
    kb, queries = trial
    out = published(family, folders[family], tmp_path / "hub")
    names = set(json.loads((out / "model.safetensors.index.json").read_text())["weight_map"])
    assert not any(name.startswith(("model.language_model.", "model.vision_tower.", "model.visual.")) for name in names)
    own, theirs = (LINKERS.create(family, kb, model=str(folder), device="cpu") for folder in (folders[family], out))
    for task in ("I2T", "IT2T"):
        assert torch.allclose(own.scores(queries[:4], task), theirs.scores(queries[:4], task), atol=1e-4)
    memory = LINKERS.load(family).memory(**LINKERS.parameters(family, {"model": str(out)}))
    weights = sum(parameter.numel() for parameter in theirs.model.network.parameters())
    assert memory["the model in float32"] == 4 * weights
    (out / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(MissingError, match="model-00002-of-00003"):
        LINKERS.create(family, kb, model=str(out), device="cpu")


@pytest.mark.parametrize("family", list(PUBLISHED))
def test_the_documented_grid_runs_on_it(family: str, folders: dict[str, Path], tmp_path: Path) -> None:
    """docs/mllm.md: name, model and dtype alone; the canary compares with the library's own path."""
    linker = {"name": family, "model": str(published(family, folders[family], tmp_path / "hub")), "dtype": "bfloat16"}
    report = rm.run(
        datasets=["world-news"], linkers=[linker], attacks=["clean"], tasks=["IT2T"], limit=3, store=tmp_path / "store", device="cpu"
    )  # fmt: skip
    assert [(row.n, row.errors) for row in report.summaries] == [(3, 0)]
