from __future__ import annotations

import torch

from robustmel.attacks.image.item_noise import ItemNoise

SHAPE = (3, 8, 8)


def test_what_an_image_draws_depends_on_its_seed_alone() -> None:
    together = ItemNoise([7, 8, 9], SHAPE)
    alone = ItemNoise([8], SHAPE)
    for draw in ("uniform", "normal", "uniform"):
        assert torch.equal(getattr(together, draw)()[1], getattr(alone, draw)()[0])


def test_rows_name_the_images_that_draw() -> None:
    some, all_rows = ItemNoise([7, 8, 9], SHAPE), ItemNoise([7, 8, 9], SHAPE)
    rows = torch.tensor([0, 2])
    assert torch.equal(some.uniform(rows), all_rows.uniform()[rows])
    assert not torch.equal(some.uniform(rows), ItemNoise([7, 9], SHAPE).uniform())


def test_the_global_generator_is_neither_read_nor_moved() -> None:
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), ItemNoise([3], SHAPE).uniform()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(ItemNoise([3], SHAPE).uniform(), first)


def test_ranges_and_moments() -> None:
    noise = ItemNoise(range(60), (3, 32, 32))
    uniform, normal = noise.uniform(), noise.normal()
    assert -1 <= float(uniform.min()) < -0.99
    assert 0.99 < float(uniform.max()) < 1
    assert abs(float(uniform.mean())) < 0.01
    assert abs(float(uniform.var()) - 1 / 3) < 0.01
    assert abs(float(normal.mean())) < 0.01
    assert abs(float(normal.var()) - 1) < 0.02


def test_whole_numbers_stay_below_their_bounds() -> None:
    high = torch.tensor([1, 2, 5] * 40)
    drawn = ItemNoise(range(120), SHAPE).integers(high)
    assert bool((drawn >= 0).all())
    assert bool((drawn < high).all())
    assert set(drawn[2::3].tolist()) == {0, 1, 2, 3, 4}


def test_seeds_of_63_bits_are_taken() -> None:
    assert ItemNoise([2**63 - 1], SHAPE).uniform().shape == (1, *SHAPE)
