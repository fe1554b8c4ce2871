"""What must hold of attacks on LLM-RetLink before any of its figures is believed (Carlini et al., "On Evaluating Adversarial Robustness")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import robustmel as rm
from robustmel.attacks.contract import ImageAttack
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.pgd import PGD
from robustmel.attacks.image.square import Square
from robustmel.defences.adaptive_attacks.descriptor_pgd import DescriptorPGD
from robustmel.defences.retlink.retlink import RetLink
from robustmel.images import decode
from robustmel.run.stages.objective import LinkerObjective
from robustmel.types import Perturbation, Query

COUNT = 4
STEP = 1 / 255


@dataclass
class Victim:
    """A linker, alone and behind LLM-RetLink, and images of one size that it links rightly."""

    kb: Any
    linker: Any
    queries: list[Query]
    pixels: Tensor
    gold: Tensor

    def behind(self, **parameters: Any) -> Any:
        return RetLink(self.kb, **parameters).defend(self.linker)

    def attacked(self, attack: ImageAttack, source: Any) -> Perturbation:
        noise = ItemNoise([1] * COUNT, tuple(self.pixels.shape[1:]), torch.device("cpu"))
        return attack.perturb(self.pixels, LinkerObjective(source, "I2T", "scaled", self.queries), self.gold, noise)

    def right(self, pixels: Tensor, judged: Any) -> int:
        with torch.no_grad():
            return int((judged.logits(pixels, self.queries, "I2T").argmax(1) == self.gold).sum())


@pytest.fixture(scope="module")
def victim() -> Victim:
    data = rm.load_dataset("world-news", "test")
    linker: Any = rm.load_linker("clip-world", data, device="cpu")
    defended, found = RetLink(data.kb, mode="template").defend(linker), list[tuple[Query, Any, int]]()
    for mention in data.mentions:
        query = mention.query(data.name, mention.candidates)
        picture = decode(query.image_file)
        if picture.shape != (found[0][1].shape if found else picture.shape):
            continue
        gold = query.listed.index(str(mention.gold)) if mention.gold in query.listed else -1
        if all(part.scores([query], "I2T")[0].argmax() == gold for part in (linker, defended)):
            found.append((query, picture, gold))
        if len(found) == COUNT:
            break
    pixels = torch.from_numpy(np.stack([picture for _, picture, _ in found])).permute(0, 3, 1, 2).float() / 255
    return Victim(data.kb, linker, [query for query, _, _ in found], pixels, torch.tensor([gold for _, _, gold in found]))


@pytest.mark.parametrize("parameters", [{"mode": "template"}, {"descriptors": "clip-world"}], ids=["template", "described"])
def test_a_boundless_attack_leaves_nothing_and_a_bounded_one_no_more_than_a_static_one(victim: Victim, parameters: Any) -> None:
    defended = victim.behind(**parameters)
    before = victim.right(victim.pixels, defended)
    adaptive, static = victim.attacked(PGD(steps=6), defended), victim.attacked(PGD(steps=6), victim.linker)
    figures = [victim.right(made.pixels, defended) for made in (adaptive, static)]
    assert figures[0] <= figures[1] <= before
    assert victim.right(victim.attacked(PGD(eps=1.0, step_size=0.2, steps=8), defended).pixels, defended) == 0
    assert adaptive.loss_first is not None
    assert adaptive.loss_best is not None
    assert bool((adaptive.loss_best > adaptive.loss_first).all())  # the trace climbs for every image


def test_more_steps_a_larger_radius_and_another_start_never_help_the_defence(victim: Victim) -> None:
    defended = victim.behind(mode="template")
    for ladder in (
        [PGD(eps=4 / 255, step_size=STEP, steps=steps) for steps in (0, 1, 5)],
        [PGD(eps=eps * STEP, step_size=STEP, steps=4) for eps in (0, 2, 4)],
        [PGD(eps=2 / 255, step_size=STEP, steps=3, restarts=restarts) for restarts in (1, 3)],
    ):
        figures = [victim.right(victim.attacked(attack, defended).pixels, defended) for attack in ladder]
        assert figures == sorted(figures, reverse=True)
        assert figures[0] == COUNT or ladder[0].steps == 3


def test_who_sees_scores_alone_does_no_better_than_who_sees_gradients(victim: Victim) -> None:
    defended = victim.behind(mode="template")
    white = victim.right(victim.attacked(PGD(steps=6), defended).pixels, defended)
    black = victim.right(victim.attacked(Square(eps=8 / 255, queries=15), defended).pixels, defended)
    assert white <= black
    assert white < COUNT


def test_a_warm_memory_of_sentences_changes_no_pixel(victim: Victim) -> None:
    warm = victim.behind(descriptors="clip-world")
    attack = DescriptorPGD(steps=2)
    first, again = (victim.attacked(attack, warm).pixels for _ in range(2))
    cold = victim.attacked(attack, victim.behind(descriptors="clip-world")).pixels
    assert torch.equal(first, again)
    assert torch.equal(first, cold)
