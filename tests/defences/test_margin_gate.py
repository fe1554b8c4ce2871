"""A defence behind a gate, and the attack that goes around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.gate_pgd import GatePGD
from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.losses import wrong_lead
from robustmel.attacks.image.pgd import PGD
from robustmel.defences.margin_gate import GatedLinker, MarginGate
from robustmel.defences.retlink.retlink import RetLink
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.linkers.ranking import ranking
from robustmel.run.components import identity
from robustmel.types import Entity, Prediction, Query, Task, Usage

KB = KnowledgeBase(Entity(name, name.upper()) for name in "abc")
QUERIES = [Query(f"q{number}", "", "", None, None, ("a", "b", "c")) for number in range(3)]


class Linear:
    """Scores are linear in the pixels; it counts the queries that it is asked."""

    tasks: tuple[Task, ...] = ("I2T",)

    def __init__(self, weights: Tensor, images: Tensor) -> None:
        self.kb, self.weights, self.images, self.asked = KB, weights, images, list[str]()

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        self.asked += [query.id for query in queries]
        return pixels.flatten(1) @ self.weights

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        return self.logits(self.images[[int(query.id[1:]) for query in queries]], queries)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        rows = self.scores(queries, task)
        return [Prediction(answer.id, answer.ranked, answer.scores, usage=Usage(1)) for answer in map(ranking, queries, rows)]


@pytest.fixture
def pair() -> tuple[Linear, Linear, GatedLinker]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 2, 2, generator=generator)
    plain, other = (Linear(torch.randn(12, 3, generator=generator), images) for _ in range(2))
    leads = plain.logits(images, QUERIES).topk(2).values.diff(dim=1).abs()[:, 0]
    plain.asked.clear()
    return plain, other, GatedLinker(plain, other, float(leads.median()) + 1e-6)


def test_only_the_unsure_are_asked_of_the_defence_and_answers_scores_and_gradients_agree(pair: Any) -> None:
    plain, other, gated = pair
    own, defended = plain.scores(QUERIES, "I2T"), other.scores(QUERIES, "I2T")
    ahead = own.topk(2).values.diff(dim=1).abs()[:, 0]
    unsure = ahead < gated._margin
    wanted = torch.where(unsure[:, None], defended, own)
    assert unsure.tolist().count(True) == 2
    other.asked.clear()
    answers = gated.link(QUERIES, "I2T")
    assert other.asked == [query.id for query, open_ in zip(QUERIES, unsure, strict=True) if open_]
    assert [answer.usage.calls for answer in answers] == [1 + int(open_) for open_ in unsure]
    assert [answer.ranked[0] for answer in answers] == ["abc"[best] for best in wanted.argmax(1)]
    assert torch.equal(gated.scores(QUERIES, "I2T"), wanted)
    pixels = plain.images.clone().requires_grad_()
    scores = gated.logits(pixels, QUERIES)
    assert torch.allclose(scores, wanted)
    (slope,) = torch.autograd.grad(scores[:, 0].sum(), pixels)
    weights = torch.where(unsure[:, None], other.weights[:, 0], plain.weights[:, 0])
    assert torch.allclose(slope.flatten(1), weights)


def test_the_gate_attack_ends_surer_of_a_wrong_answer_than_pgd(pair: Any) -> None:
    plain, _, _ = pair
    gold = plain.logits(plain.images, QUERIES).argmax(1)

    def objective(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        return plain.logits(pixels, QUERIES if rows is None else [QUERIES[row] for row in rows])

    leads = {}
    for attack in (PGD(eps=0.5, step_size=0.02, steps=30), GatePGD(eps=0.5, step_size=0.02, steps=30)):
        made = attack.perturb(plain.images, objective, gold, ItemNoise([1, 2, 3], (3, 2, 2), torch.device("cpu")))
        assert made.linf.max() <= 0.5 + 1e-6
        assert made.succeeded.all()
        leads[type(attack)] = wrong_lead(objective(made.pixels), Goal(gold))
    assert (leads[GatePGD] >= leads[PGD] - 1e-4).all()
    assert (leads[GatePGD] > leads[PGD] + 1e-3).any()


def test_its_loss_is_the_lead_of_the_best_wrong_candidate() -> None:
    scores = torch.tensor([[3.0, 1.0, 2.0], [1.0, 5.0, 2.0], [1.0, 5.0, -torch.inf]])
    assert wrong_lead(scores, Goal(torch.tensor([0, 0, 0]))).tolist() == [-1.0, 3.0, 4.0]
    assert wrong_lead(scores[:1], Goal(torch.tensor([0]), toward=torch.tensor([1]))).tolist() == [-2.0]


def test_what_cannot_stand_behind_a_gate_is_refused() -> None:
    able = Capabilities(("I2T",), labels=True, scores=True)
    of = {"margin": 0.1, "defence": "retlink", "options": {"mode": "template"}}
    assert MarginGate.capabilities(able, **of).tasks == ("I2T",)
    assert MarginGate.capabilities(Capabilities(("I2T",), labels=True), **of).tasks == ()
    with pytest.raises(UsageError, match="cannot stand behind a gate"):
        MarginGate(KB, defence="margin-gate")
    with pytest.raises(UsageError, match="at least 0"):
        MarginGate(KB, margin=-1.0)
    with pytest.raises(UsageError, match='no parameter "moed"'):
        MarginGate(KB, options={"moed": "template"})


def test_a_plan_knows_how_often_the_defence_behind_the_gate_may_ask() -> None:
    written = {"mode": "contextual", "llm": "any"}
    assert (
        MarginGate.calls(10, 5, 100, margin=0.1, defence="retlink", options=written)
        == RetLink.calls(10, 5, 100, **written)
        == 50
    )
    assert MarginGate.calls(10, 5, 100, margin=0.1, defence="jpeg", options=None) == 0


def test_a_new_version_of_the_defence_behind_the_gate_makes_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {"margin": 0.1, "defence": "retlink", "options": {}}
    before = identity("margin-gate", parameters, MarginGate, {})
    monkeypatch.setattr(RetLink, "version", RetLink.version + 1)
    assert identity("margin-gate", parameters, MarginGate, {}) != before
