from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from robustmel.attacks.image.fab import change_to_plane


def shortest_by_linear_programming(pixels: torch.Tensor, normal: torch.Tensor, distance: float) -> float:
    count = pixels.numel()
    identity, ones = np.eye(count), np.ones((count, 1))
    solved = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.vstack([np.hstack([identity, -ones]), np.hstack([-identity, -ones])]),
        b_ub=np.zeros(2 * count),
        A_eq=np.append(normal.double().numpy().ravel(), 0.0)[None],
        b_eq=[distance],
        bounds=[(-one, 1 - one) for one in pixels.double().numpy().ravel()] + [(0, None)],
    )
    assert solved.status == 0
    return float(solved.fun)


@pytest.mark.parametrize("distance", [-6.0, -0.3, 0.0, 0.02, 2.0, 7.0])
def test_no_shorter_change_reaches_the_plane(distance: float) -> None:
    draw = torch.Generator().manual_seed(1)
    pixels, normal = torch.rand(3, 3, 4, 4, generator=draw), torch.randn(3, 3, 4, 4, generator=draw)
    normal[:, 1, 0] = 0
    way = change_to_plane(pixels, normal, torch.full((3,), distance))
    assert (way * normal).sum((1, 2, 3)).tolist() == pytest.approx([distance] * 3, abs=1e-5)
    assert float((pixels + way).min()) >= -1e-7
    assert float((pixels + way).max()) <= 1 + 1e-7
    for one, own, direction in zip(way, pixels, normal, strict=True):
        assert float(one.abs().max()) == pytest.approx(shortest_by_linear_programming(own, direction, distance), abs=1e-5)


def test_a_plane_outside_the_box_leads_to_the_nearest_corner() -> None:
    pixels, normal = torch.full((1, 3, 2, 2), 0.25), torch.ones(1, 3, 2, 2)
    normal[:, 0] = -1
    corner = pixels + change_to_plane(pixels, normal, torch.tensor([100.0]))
    assert torch.allclose(corner, (normal > 0).float())


def test_a_plane_without_direction_leads_nowhere() -> None:
    pixels = torch.rand(2, 3, 2, 2)
    assert torch.equal(change_to_plane(pixels, torch.zeros_like(pixels), torch.ones(2)), torch.zeros_like(pixels))


def test_the_way_does_not_depend_on_neighbours() -> None:
    draw = torch.Generator().manual_seed(2)
    pixels, normal = torch.rand(5, 3, 8, 8, generator=draw), torch.randn(5, 3, 8, 8, generator=draw)
    distance = torch.tensor([0.01, 60.0, -3.0, 80.0, 1.0])
    together = change_to_plane(pixels, normal, distance)
    for index in range(5):
        one = slice(index, index + 1)
        assert torch.equal(change_to_plane(pixels[one], normal[one], distance[one]), together[one])
