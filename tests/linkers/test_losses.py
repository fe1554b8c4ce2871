from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from robustmel.linkers.losses import pairwise_sigmoid, symmetric_cross_entropy


@pytest.fixture
def sides() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(5, 7, generator=generator), torch.randn(5, 7, generator=generator)
    return torch.nn.functional.normalize(left, dim=-1), torch.nn.functional.normalize(right, dim=-1)


def test_cross_entropy_is_the_library_s_loss_where_no_entity_repeats(sides: tuple[torch.Tensor, torch.Tensor]) -> None:
    from transformers.models.clip.modeling_clip import image_text_contrastive_loss

    left, right = sides
    ours = symmetric_cross_entropy(left @ right.T, torch.eye(5, dtype=torch.bool), torch.tensor(8.0))
    assert ours.item() == pytest.approx(image_text_contrastive_loss(8.0 * right @ left.T).item(), abs=1e-6)


def test_cross_entropy_spreads_the_target_over_repeated_entities(sides: tuple[torch.Tensor, torch.Tensor]) -> None:
    left, right = sides[0].double().numpy(), sides[1][:4].double().numpy()
    same = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]], dtype=bool)
    total = 0.0
    for logits, belongs in ((8 * left @ right.T, same), ((8 * left @ right.T).T, same.T)):
        for row, mask in zip(logits, belongs, strict=True):
            logarithm = math.log(sum(math.exp(one) for one in row))
            total += sum(logarithm - one for one in row[mask]) / mask.sum() / len(logits) / 2
    ours = symmetric_cross_entropy(*(torch.from_numpy(one) for one in (left @ right.T, same)), torch.tensor(8.0))
    assert ours.item() == pytest.approx(total, rel=1e-9)


def test_a_perfect_answer_on_repeated_entities_is_a_minimum() -> None:
    directions = torch.eye(3)
    left, right = directions[[0, 0, 1, 2]], directions
    same = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.bool)
    rows = symmetric_cross_entropy(left @ right.T, same, torch.tensor(100.0))
    assert rows.item() == pytest.approx(math.log(2) / 3 / 2, abs=1e-5)  # the column with two rows keeps its entropy


def test_sigmoid_loss_judges_every_pair_on_its_own(sides: tuple[torch.Tensor, torch.Tensor]) -> None:
    left, right = sides[0].numpy(), sides[1].numpy()
    same = np.eye(5, dtype=bool)
    same[0, 3] = True
    total = 0.0
    for row in range(5):
        for column in range(5):
            logit = 10 * float(left[row] @ right[column]) - 4
            total += math.log1p(math.exp(-logit if same[row, column] else logit)) / 5
    ours = pairwise_sigmoid(sides[0] @ sides[1].T, torch.from_numpy(same), torch.tensor(10.0), torch.tensor([-4.0]))
    assert ours.item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("loss", [symmetric_cross_entropy, pairwise_sigmoid])
def test_gradients_agree_with_finite_differences(loss) -> None:
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.randn(4, 3, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    same = torch.eye(4, dtype=torch.bool)
    same[1, 2] = True
    scale, bias = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (3.0, -1.0))
    if loss is symmetric_cross_entropy:
        bias = bias.detach()
    assert torch.autograd.gradcheck(lambda a, b, s, t: loss(a @ b.T, same, s, t), (left, right, scale, bias))
