from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.square import Square
from robustmel.errors import UsageError


def test_it_fools_within_the_budget_and_never_beyond(linear: Any, pictures: Any, perturb: Any) -> None:
    pixels, eps, shares = pictures(6, low=100, high=155), 4 / 255, [0.05, 0.2, 0.3, 1.01, 1.2, 3.0]
    reach = eps * float(linear(pixels, [1.0] * 6).weights.abs().sum())
    victim = linear(pixels, [share * reach for share in shares])
    found = perturb(Square(eps=eps, queries=400), victim, pixels, torch.zeros(6, dtype=torch.long))
    assert found.succeeded.tolist() == [share < 1 for share in shares]
    assert float(found.linf.max()) <= eps


class Watched:
    """Notes what each image was asked with."""

    def __init__(self, victim: Any, count: int) -> None:
        self.victim, self.asked = victim, [[] for _ in range(count)]  # type: ignore[var-annotated]

    def __call__(self, batch: Tensor, rows: Tensor | None = None) -> Tensor:
        assert not torch.is_grad_enabled()
        for index, pixels in zip(range(len(batch)) if rows is None else rows.tolist(), batch, strict=True):
            self.asked[index].append(pixels.clone())
        scores: Tensor = self.victim(batch)
        return scores


def test_every_query_is_an_image_of_8_bits_inside_the_ball(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(4)
    watched = Watched(conv, 4)
    perturb(Square(eps="8/255", queries=30), watched, pixels, conv(pixels).argmax(1))
    for own, asked in zip(pixels, watched.asked, strict=True):
        values = torch.stack(asked) * 255
        assert torch.equal(values, values.round())
        assert float((values - own * 255).abs().max()) < 8.01


def test_an_image_leaves_with_the_first_query_that_fools(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(16)
    gold = conv(pixels).argmax(1)
    watched = Watched(conv, 16)
    found = perturb(Square(eps="8/255", queries=30), watched, pixels, gold)
    assert 0 < int(found.succeeded.sum()) < 16
    for index, asked in enumerate(watched.asked):
        answers = conv(torch.stack(asked)).argmax(1)
        assert len(asked) == int(found.queries[index])
        assert (answers[:-1] == gold[index]).all()
        assert (answers[-1] != gold[index]) == found.succeeded[index]
        if found.succeeded[index]:
            assert torch.equal((found.pixels[index] * 255).round(), (asked[-1] * 255).round())
        else:
            assert len(asked) == 30
    assert int(found.iterations.sum()) == 0


def test_it_begins_with_stripes_and_paints_one_square_a_query(pictures: Any, perturb: Any) -> None:
    pixels = pictures(1, size=20, low=100, high=155)
    watched = Watched(lambda batch: torch.tensor([[1.0, 0.0]]).repeat(len(batch), 1), 1)
    perturb(Square(eps="8/255", queries=40, p=0.1), watched, pixels, torch.zeros(1, dtype=torch.long))
    stripes = watched.asked[0][0] - pixels[0]
    assert torch.allclose(stripes.abs(), torch.tensor(8 / 255), atol=1e-6)
    assert torch.allclose(stripes, stripes[:, :1].expand_as(stripes), atol=1e-6)
    assert len(stripes[:, 0].sign().unique()) == 2
    for asked in watched.asked[0][1:]:  # a score that never moves: no square is kept
        change = (asked - pixels[0] - stripes).abs() > 1e-4
        lines, columns = change.any(0).any(1).nonzero()[:, 0], change.any(0).any(0).nonzero()[:, 0]
        if len(lines):
            assert len(lines) <= 6
            assert len(columns) <= 6
            inside = (asked - pixels[0])[:, lines[0] : lines[-1] + 1, columns[0] : columns[-1] + 1]
            assert bool((inside.amax((1, 2)) - inside.amin((1, 2)) < 1e-4).all())


def test_squares_shrink_as_the_paper_says() -> None:
    attack, large = Square(queries=10_000, p=0.8), torch.zeros(1, 3, 100, 100)
    shares = [
        (10, 1),
        (11, 2),
        (50, 2),
        (51, 4),
        (201, 8),
        (501, 16),
        (1001, 32),
        (2001, 64),
        (4001, 128),
        (6001, 256),
        (8001, 512),
    ]
    assert [attack.side(query, large) for query, _ in shares] == [round((0.8 / part * 10_000) ** 0.5) for _, part in shares]
    assert Square(queries=100).side(99, large) == attack.side(9900, large)
    assert attack.side(1, torch.zeros(1, 3, 5, 300)) == 5
    assert attack.side(9999, torch.zeros(1, 3, 5, 5)) == 1


@pytest.mark.parametrize("given_", [{"p": 0}, {"p": 1.5}, {"queries": -1}, {"queries": 2.5}, {"eps": 8}, {"restarts": 0}])
def test_values_out_of_range_are_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Square(**given_)


def test_fresh_stripes_find_no_fewer(conv: Any, pictures: Any, perturb: Any) -> None:
    pixels = pictures(12)
    gold = conv(pixels).argmax(1)
    once = perturb(Square(eps="3/255", queries=40), conv, pixels, gold)
    thrice = perturb(Square(eps="3/255", queries=40, restarts=3), conv, pixels, gold)
    assert bool((thrice.succeeded | ~once.succeeded).all())
    assert int(thrice.queries.max()) == 120
