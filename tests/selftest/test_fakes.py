"""Each fake defence hides something from a plain attack, answers as it should, and is found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.datasets import DATASETS
from robustmel.images import decode
from robustmel.registry import load_file_component
from robustmel.selftest.fakes_check import FAKES, SUSPICIONS, Fake, check_fakes
from robustmel.selftest.planted import Planted
from robustmel.selftest.tower import LinearTower
from robustmel.selftest.victim_report import Runner
from robustmel.types import Perturbation, Query


@dataclass
class Behind:
    """Square pictures of the planted lists, and the tower behind a defence."""

    planted: Planted

    def __post_init__(self) -> None:
        loaded = DATASETS.create("jsonl", path=str(self.planted.folder)).load()
        pictures = [decode(one.image) for one in loaded.mentions if one.image]
        self.rows = [row for row, one in enumerate(pictures) if one.shape == (16, 16, 3)]
        mentions = [loaded.mentions[row] for row in self.rows]
        self.queries = [one.query("x", one.candidates or ()) for one in mentions]
        self.gold = torch.tensor([(one.candidates or ()).index(str(one.gold)) for one in mentions])
        self.pixels = torch.from_numpy(np.stack([pictures[row] for row in self.rows])).permute(0, 3, 1, 2).float() / 255
        self.tower = LinearTower(loaded.kb, weights=str(self.planted.weights))

    def defended(self, fake: Fake) -> Any:
        return load_file_component(fake.written["name"])(self.tower.kb).defend(self.tower)

    def withstood(self, linker: Any, against: Any, name: str, **parameters: Any) -> float:
        """Robust accuracy of a linker against images made on another, as a mean over eight looks."""
        found = self.attacked(against, name, **parameters).pixels
        looks = [self.right(linker, (found * 255).round() / 255).mean() for _ in range(8)]
        return float(torch.stack(looks).mean())

    def attacked(self, against: Any, name: str, **parameters: Any) -> Perturbation:
        def objective(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
            some = self.queries if rows is None else [self.queries[row] for row in rows.tolist()]
            scores: Tensor = against.logits(pixels, some, "I2T")
            return scores

        noise = ItemNoise(range(len(self.queries)), tuple(self.pixels.shape[1:]))
        found: Perturbation = ATTACKS.create(name, **parameters).perturb(self.pixels, objective, self.gold, noise)
        return found

    @torch.no_grad()
    def right(self, linker: Any, pixels: Tensor) -> Tensor:
        scores = linker.logits(pixels, self.queries, "I2T")
        own = scores.gather(1, self.gold[:, None])[:, 0]
        return (own > scores.scatter(1, self.gold[:, None], -torch.inf).amax(1)).float()


class Averaged:
    """What a linker with random looks says on average: the attack that it should be measured by."""

    def __init__(self, linker: Any, looks: int = 24) -> None:
        self.linker, self.looks = linker, looks

    def logits(self, pixels: Tensor, queries: list[Query], task: str) -> Tensor:
        return torch.stack([self.linker.logits(pixels, queries, task) for _ in range(self.looks)]).mean(0)


@pytest.fixture(scope="module")
def behind(planted: tuple[Planted, Planted]) -> Behind:
    return Behind(planted[0])


def pgd(level: int) -> dict[str, Any]:
    return {"eps": level / 255, "step_size": level / 255 / 8, "on_failure": "last"}


@pytest.mark.parametrize(("name", "loss"), [("pgd", {}), ("apgd", {"loss": "ce"}), ("apgd", {"loss": "dlr"})])
def test_without_a_fake_no_gradient_is_counted_as_zero(name: str, loss: dict[str, str], behind: Behind) -> None:
    """The difference of logits ratio is flat where the right entity has come third; that hides nothing."""
    found = behind.attacked(behind.tower, name, eps=0.3, **loss)
    assert bool(found.succeeded.any())
    assert int(found.zero_gradients.sum()) == 0


@pytest.mark.parametrize("fake", [one for one in FAKES if one.same_answers], ids=lambda one: one.label)
def test_the_answers_are_those_of_the_linker_behind_it(fake: Fake, behind: Behind) -> None:
    defended = behind.defended(fake)
    plain, seen = (one.logits(behind.pixels, behind.queries, "I2T") for one in (behind.tower, defended))
    assert torch.equal(plain.argsort(1), seen.argsort(1))
    answers = [one.link(behind.queries, "I2T") for one in (behind.tower, defended)]
    assert [one.ranked for one in answers[0]] == [one.ranked for one in answers[1]]


@pytest.mark.parametrize("fake", FAKES, ids=lambda one: one.label)
def test_it_hides_from_a_plain_attack_what_another_one_finds(fake: Fake, behind: Behind) -> None:
    level = behind.planted.ladder[-1]
    defended = behind.defended(fake)
    naive = behind.withstood(defended, defended, "pgd", **pgd(level))
    truth = behind.planted.truth.robust(level)[behind.rows].mean()
    behind_it = Averaged(defended) if fake.label == "random resize" else behind.tower
    informed = behind.withstood(defended, behind_it, "pgd", **pgd(level))
    assert naive > informed + 0.05
    if fake.same_answers:
        assert naive > truth + 0.3
        assert informed == pytest.approx(truth, abs=0.1)


def test_stochastic_gradients_differ_and_the_others_do_not(behind: Behind) -> None:
    for fake in FAKES:
        defended = behind.defended(fake)
        once, again = (defended.logits(behind.pixels, behind.queries, "I2T") for _ in range(2))
        assert torch.equal(once, again) == (fake.label not in ("random resize", "stochastic vote"))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("some", [FAKES[:4], FAKES[4:]], ids=["first", "others"])
def test_every_fake_is_found_out(some: tuple[Fake, ...], few: tuple[Planted, Planted], run: Runner) -> None:
    verdicts = check_fakes(few[0], run, some)
    assert {one.victim: one.faults for one in verdicts} == {f"fake: {one.label}": () for one in some}
    assert all(any(code in one.reported for code in SUSPICIONS) or "broken to its value" in one.reported for one in verdicts)


@pytest.mark.usefixtures("short")
def test_who_is_neither_flagged_nor_broken_fails(few: tuple[Planted, Planted], run: Runner, monkeypatch: Any) -> None:
    monkeypatch.setattr("robustmel.selftest.fakes_check.SUSPICIONS", ())
    (verdict,) = check_fakes(few[0], run, [one for one in FAKES if one.label == "JPEG"])
    assert not verdict.passed
    assert "without a flag" in verdict.faults[0]
