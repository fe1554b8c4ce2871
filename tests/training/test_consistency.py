"""Views of one entity agree: the two terms beside loops, and what a training does with them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.training.consistency import supervised_contrast, symmetric_divergence
from robustmel.training.dual_encoder import DualEncoderTrainee, batch_loss
from robustmel.training.dual_encoder_recipe import Consistency, DualEncoderRecipe
from robustmel.training.recipe_files import read_recipe

ENTITY = (0, 1, 0, 2, 1, 0, 2)


def partners(place: int) -> list[int]:
    return [other for other, entity in enumerate(ENTITY) if entity == ENTITY[place] and other != place]


def pairs() -> Tensor:
    return torch.tensor([[other in partners(place) for other in range(len(ENTITY))] for place in range(len(ENTITY))])


def test_the_divergence_is_the_mean_over_partners_then_over_views() -> None:
    logits = torch.randn(len(ENTITY), 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    chances = [[math.exp(value - max(row)) for value in row] for row in logits.tolist()]
    chances = [[value / sum(row) for value in row] for row in chances]

    def divergence(first: list[float], second: list[float]) -> float:
        return sum(p * math.log(p / q) for p, q in zip(first, second, strict=True))

    by_view = []
    for place, own in enumerate(chances):
        both = [(divergence(own, chances[other]) + divergence(chances[other], own)) / 2 for other in partners(place)]
        by_view.append(sum(both) / len(both))
    assert float(symmetric_divergence(logits, pairs())) == pytest.approx(sum(by_view) / len(by_view))
    assert float(symmetric_divergence(logits[[0, 0]], torch.tensor([[False, True], [True, False]]))) == pytest.approx(0.0)


def test_the_contrast_is_that_of_the_paper() -> None:
    views = torch.nn.functional.normalize(
        torch.randn(len(ENTITY), 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64), dim=1
    )
    by_view = []
    for place, own in enumerate(views):
        others = [math.exp(float(own @ other) / 0.2) for number, other in enumerate(views) if number != place]
        shares = [-math.log(math.exp(float(own @ views[other]) / 0.2) / sum(others)) for other in partners(place)]
        by_view.append(sum(shares) / len(shares))
    assert float(supervised_contrast(views, pairs(), 0.2)) == pytest.approx(sum(by_view) / len(by_view))


def test_it_adds_to_the_loss_and_a_mention_alone_of_its_entity_gets_a_made_view(
    cards: Dataset, recipe: DualEncoderRecipe
) -> None:
    lone = replace(
        cards,
        mentions=tuple(
            mention for mention in cards.mentions if mention.split != "train" or mention.id in ("0-0", "0-1", "1-0")
        ),
    )
    how = Consistency(divergence=1.0, contrast=0.5)
    trainee = DualEncoderTrainee.prepare([lone], replace(recipe, consistency=how), None)
    assert trainee.remarks["training mentions alone of their entity, whose second view is made"] == 1
    (batch,) = trainee.batches(1)
    assert batch.made_views is not None
    assert int(batch.alone.sum()) == len(batch.made_views["input_ids"]) == 1
    encoder = trainee.encoder
    plain, whole = (batch_loss(encoder, batch, recipe.weights, None, extra) for extra in (Consistency(), how))
    queries, made, labels = (encoder.texts(part) for part in (batch.queries, batch.made_views, batch.labels))
    views, entity = torch.cat((queries, made)), [*batch.gold.tolist(), *batch.gold[batch.alone].tolist()]
    together = torch.tensor(
        [[one == other and row != column for column, other in enumerate(entity)] for row, one in enumerate(entity)]
    )
    added = symmetric_divergence(encoder.scale * views @ labels.T, together) + 0.5 * supervised_contrast(views, together, 0.1)
    assert float((whole - plain).detach()) == pytest.approx(float(added.detach()), rel=1e-4)
    (other,) = DualEncoderTrainee.prepare([lone], recipe, None).batches(1)
    assert other.made_views is None
    assert all(torch.equal(batch.queries[name], other.queries[name]) for name in other.queries)


def test_views_of_one_entity_come_closer_than_without(cards: Dataset, recipe: DualEncoderRecipe) -> None:
    disagreement = []
    for weight in (0.0, 4.0):
        trainee = DualEncoderTrainee.prepare([cards], replace(recipe, consistency=Consistency(divergence=weight)), None)
        optimizer = torch.optim.AdamW(trainee.model.parameters(), lr=3e-3)
        for epoch in range(1, 4):
            for step, batch in enumerate(trainee.batches(epoch)):
                optimizer.zero_grad()
                trainee.loss(batch, epoch, step).backward()
                optimizer.step()
        data = trainee.data
        with torch.no_grad():
            texts = trainee.encoder.texts(data.bank.batch(data.train.text))
            labels = trainee.encoder.texts(data.bank.batch(torch.tensor([rows[0] for rows in data.entity_rows])))
            together = (data.train.gold[:, None] == data.train.gold[None, :]).fill_diagonal_(False)
            disagreement.append(float(symmetric_divergence(trainee.encoder.scale * texts @ labels.T, together)))
    assert disagreement[1] < disagreement[0] / 2


def test_recipes_without_it_stay_what_they_were_and_wrong_values_are_told() -> None:
    assert "consistency" not in read_recipe("clip-world").identity()
    on = read_recipe({"recipe": "clip-world", "consistency": {"divergence": 1, "contrast": 0.1}})
    assert on.identity()["consistency"] == {"divergence": 1.0, "contrast": 0.1, "temperature": 0.1, "drop": 0.3}
    assert read_recipe(on.to_dict()) == on
    with pytest.raises(UsageError, match="consistency.temperature must be above 0"):
        read_recipe({"recipe": "clip-world", "consistency": {"temperature": 0.0}})
