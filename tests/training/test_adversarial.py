from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers.losses import symmetric_cross_entropy
from robustmel.training.adversarial import adversarial_images, attacked, step_seed
from robustmel.training.checkpoint import train
from robustmel.training.dual_encoder_recipe import Adversarial, DualEncoderRecipe
from robustmel.training.encoder import Encoder, fresh_encoder
from robustmel.training.examples import training_data, training_texts
from robustmel.training.loop import Epoch
from robustmel.training.recipe_files import read_recipe
from robustmel.training.validation import accuracies

ATTACK = Adversarial(eps=8 / 255, steps=3, step_size=4 / 255)


@pytest.fixture
def encoder(recipe: DualEncoderRecipe) -> Encoder:
    return fresh_encoder(recipe, ["amber", "basil", "coral", "denim"])


def question(encoder: Encoder) -> tuple[Tensor, Tensor, Tensor]:
    pixels = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    pixels[0], pixels[1] = 0.0, 1.0  # at the ends of the range
    labels = encoder.texts(encoder.bank(["amber", "basil", "coral", "denim"]).batch(torch.arange(4)))
    return pixels, labels, torch.eye(4, dtype=torch.bool)[torch.tensor([0, 1, 2, 3, 0, 1])]


def test_the_inner_maximisation_stays_in_the_ball_and_raises_the_loss(encoder: Encoder) -> None:
    pixels, labels, same = question(encoder)
    moved = adversarial_images(encoder, pixels, labels, same, ATTACK, 0)
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert 0 < (moved - pixels).abs().max() <= ATTACK.eps

    def loss(at: Tensor) -> float:
        with torch.no_grad():
            logits = encoder.scale * encoder.images(at) @ labels.T
        return float(functional.cross_entropy(logits, same.int().argmax(1)))  # TeCoA's own: one right text an image

    weak = adversarial_images(
        encoder, pixels, labels, same, replace(ATTACK, steps=1, step_size=1e-9), 0
    )  # the random start, all but
    assert loss(moved) > loss(weak)
    assert loss(moved) > loss(pixels)


def test_the_model_is_left_as_it_was(encoder: Encoder) -> None:
    pixels, labels, same = question(encoder)
    modes: list[bool] = []
    encoder.model.vision_model.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    for training in (True, False):
        encoder.model.train(training)
        adversarial_images(encoder, pixels, labels, same, ATTACK, 0)
        assert encoder.model.training is training
    assert not any(modes)  # no dropout, and no running statistics of attacked images
    assert all(one.grad is None for one in encoder.model.parameters())


def linear_task(seed: int) -> tuple[Tensor, Tensor]:
    """One bright or dark pixel tells two entities apart in 19 of 20 images, and 191 grey ones do by a hair each.

    Source:
        Tsipras et al., "Robustness May Be at Odds with Accuracy", ICLR 2019, section 2.1.
    """
    generator = torch.Generator().manual_seed(seed)
    gold = torch.randint(0, 2, (400,), generator=generator)
    sign = (1 - 2 * gold).float()
    pixels = 0.5 + 0.03 * sign[:, None] + 0.06 * torch.randn(400, 192, generator=generator).clamp(-3, 3)
    flipped = torch.rand(400, generator=generator) < 0.05
    pixels[:, 0] = 0.5 + 0.3 * torch.where(flipped, -sign, sign)
    return pixels.view(400, 3, 8, 8), gold


def trained_tower(attack: Adversarial | None) -> nn.Linear:
    torch.manual_seed(0)
    tower = nn.Linear(192, 2, bias=False)
    family: Any = SimpleNamespace(
        image_features=lambda model, pixels: model(pixels.flatten(1)),
        compare=lambda images, texts, labels, normalise: images @ labels.T,
        contrastive_loss=symmetric_cross_entropy,
        temperature=lambda model: torch.tensor(10.0),
    )
    processor = CLIPImageProcessorPil(image_mean=[0.5] * 3, image_std=[1.0] * 3)
    encoder = Encoder(tower, None, processor, family, 0)
    optimizer = torch.optim.AdamW(tower.parameters(), lr=0.01)
    pixels, gold = linear_task(1)
    labels, same = torch.eye(2), torch.eye(2, dtype=torch.bool)[gold]
    for step in range(150):
        seen = pixels if attack is None else adversarial_images(encoder, pixels, labels, same, attack, step)
        loss = symmetric_cross_entropy(encoder.cosines(encoder.images(seen), None, labels), same, encoder.scale)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return tower


def robust_accuracy(tower: nn.Linear, eps: float) -> float:
    """In closed form: the difference of two linear scores falls by at most eps times the L1 length of its weights."""
    pixels, gold = linear_task(2)
    difference = (tower.weight[0] - tower.weight[1]).detach()
    lead = (1 - 2 * gold) * ((pixels.flatten(1) - 0.5) @ difference)
    return float((lead > eps * difference.abs().sum()).float().mean())


def test_a_tower_trained_so_is_more_robust() -> None:
    plain, hard = trained_tower(None), trained_tower(Adversarial(eps=0.1, steps=3, step_size=0.05))
    assert robust_accuracy(plain, 0.0) > 0.95
    assert robust_accuracy(plain, 0.05) < 0.1
    assert robust_accuracy(hard, 0.05) > 0.9


def test_an_adversarial_training_resumes_to_the_same_weights(cards: Dataset, recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    class CutError(Exception):
        pass

    def cut(epoch: Epoch) -> None:
        if epoch.number == 1:
            raise CutError

    recipe = replace(recipe, epochs=2, adversarial=ATTACK)
    whole = train([cards], recipe, tmp_path / "whole")
    torch.manual_seed(99)
    with pytest.raises(CutError):
        train([cards], recipe, tmp_path / "cut", on_epoch=cut)
    resumed = train([cards], recipe, tmp_path / "cut")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    kept = [[one["validation"] for one in result.history] for result in (whole, resumed)]
    assert kept[0] == kept[1]
    assert 0 <= kept[0][0]["I2T attacked"] <= 1
    assert read_recipe(tmp_path / "whole" / "training_recipe.json") == recipe
    with pytest.raises(UsageError, match="another recipe"):
        train([cards], replace(recipe, adversarial=Adversarial()), tmp_path / "whole")


def test_held_out_images_are_attacked_one_a_mention(cards: Dataset, recipe: DualEncoderRecipe) -> None:
    encoder = fresh_encoder(recipe, training_texts([cards], recipe))
    first = replace(cards.split("validation").mentions[0], image=None)
    nil = replace(cards.split("validation").mentions[1], gold=None)
    one, other = cards.split("validation").mentions[2:4]
    shared = replace(other, image=one.image)
    read = training_data([replace(cards, mentions=(first, nil, one, shared))], recipe, encoder, training=False)
    given, asked = attacked(encoder, read, ATTACK, 0)
    assert asked.image[:2].tolist() == read.held_out.image[:2].tolist()
    assert read.held_out.image[2] == read.held_out.image[3] != asked.image[2] != asked.image[3]
    change = (given.images[asked.image[2:]].float() - read.images[read.held_out.image[2:]].float()).abs()
    assert 0 < change.max() <= 8
    assert accuracies(encoder, given, asked).keys() == {"I2T", "IT2T", "T2T"}


def test_starting_points_depend_on_seed_epoch_and_step() -> None:
    seeds = [step_seed(*place) for place in ((0, 1, 0), (1, 1, 0), (0, 2, 0), (0, 1, 1), (0, 11, 0), (0, 1, 10))]
    assert len(set(seeds)) == len(seeds)
    assert seeds[0] == step_seed(0, 1, 0)


def test_lengths_may_be_fractions_and_a_plain_recipe_is_what_it_was(tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text('[adversarial]\neps = "2/255"\nsteps = 3\nstep_size = 0.004\n')
    recipe = read_recipe(file)
    assert recipe.adversarial == Adversarial(eps=2 / 255, steps=3, step_size=0.004)
    assert recipe.to_dict()["adversarial"]["eps"] == 2 / 255
    assert "adversarial" not in DualEncoderRecipe().to_dict()
    for setting, said in (
        ("adversarial.eps=8", "did you mean 8/255"),
        ("adversarial.eps=two/255", "is not a number"),
        ("adversarial.epsilon=0.1", 'Did you mean "eps"'),
        ("adversarial.steps=0", "at least 1"),
        ("adversarial.step_size=0", "above 0"),
    ):
        with pytest.raises(UsageError, match=said):
            read_recipe(file, [setting])
