"""The loop trains whatever is a `Trainee`: here a mapper before a frozen layer, which has nothing of a dual encoder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.conftest import cut_and_resumed_like_whole

from robustmel.datasets.dataset import Dataset
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.loop import Epoch

MAPPER = '''
from collections import Counter
import torch
from safetensors.torch import save_file
from torch import nn

class MapperTrainee:
    """Learns by least squares what undoes a frozen layer."""

    def __init__(self, seed):
        generator = torch.Generator().manual_seed(seed)
        self.frozen = torch.randn(4, 4, generator=generator)
        self.model = nn.Linear(4, 4, bias=False)
        nn.init.zeros_(self.model.weight)
        self.remarks, self.digests, self.steps = Counter({"mentions read": 3}), {"data": "d", "backbone": "b"}, 5
        self.seed = seed

    @classmethod
    def prepare(cls, datasets, recipe, candidates):
        return cls(recipe.seed)

    def batches(self, epoch):
        generator = torch.Generator().manual_seed(epoch)
        return (torch.randn(8, 4, generator=generator) for _ in range(self.steps))

    def loss(self, batch, epoch, step):
        return (self.model(batch) @ self.frozen - batch).square().mean()

    def validate(self):
        with torch.no_grad():
            return {"error": float(self.loss(torch.eye(4), 0, 0))}

    def merit(self, validation):
        return -validation["error"]

    def publish(self, folder):
        save_file(self.model.state_dict(), folder / "mapper.safetensors")

    def measure(self, folder, dataset, split, candidates):
        return {"IT2T": 0.25} if split == "test" else {}

class Mapped:
    """A linker whose mapper is trained."""
    trained_as = __file__ + ":MapperTrainee"
'''


@pytest.fixture
def mapping(recipe: DualEncoderRecipe, tmp_path: Path) -> DualEncoderRecipe:
    (tmp_path / "mapped.py").write_text(MAPPER)
    return replace(recipe, family=f"{tmp_path}/mapped.py:Mapped", epochs=4, learning_rate=0.05, weight_decay=0.0)


def test_a_mapper_is_trained_resumed_and_published(cards: Dataset, mapping: DualEncoderRecipe, tmp_path: Path) -> None:
    epochs: list[Epoch] = []
    whole = train([cards], mapping, tmp_path / "whole", on_epoch=epochs.append)
    errors = [epoch.validation["error"] for epoch in epochs]
    assert errors == sorted(errors, reverse=True)  # least squares from zero, by small steps
    assert whole.accuracies == {"cards": {"test": {"IT2T": 0.25}}}
    assert whole.remarks == {"mentions read": 3}
    assert load_file(tmp_path / "whole" / "mapper.safetensors")["weight"].abs().max() > 0
    assert "IT2T" in (tmp_path / "whole" / "README.md").read_text()
    assert json.loads((tmp_path / "whole" / "training_recipe.json").read_text())["identity"]["backbone"] == "b"
    cut_and_resumed_like_whole([cards], mapping, tmp_path)


def test_a_dual_encoder_in_a_file_of_one_s_own_is_trained(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from robustmel.linkers.clip import CLIP\n\nclass Mine(CLIP):\n    '''Mine.'''\n")
    train([cards], replace(recipe, epochs=1), tmp_path / "clip")
    own = replace(recipe, epochs=1, family=f"{tmp_path}/mine.py:Mine")
    train([cards], own, tmp_path / "mine")
    assert own.identity()["family"] == "Mine"  # wherever the file lies; what is in it decides
    assert own.assets() == (tmp_path / "mine.py",)
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("clip", "mine"))
    assert all(torch.equal(first[name], second[name]) for name in first)
