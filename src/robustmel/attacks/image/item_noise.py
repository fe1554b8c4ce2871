"""Randomness with a generator for every image: what one draws, no neighbour and no batch size can change."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class ItemNoise:
    """A `Noise` for a batch. The global generator is neither read nor moved, and devices see the same numbers.

    Args:
        seeds: One an image.
        shape: (3, H, W) of the images.
        device: Where the noise goes; it is drawn on the processor.
    """

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...], device: torch.device | str = "cpu") -> None:
        self.shape = tuple(shape)
        self.device = torch.device(device)
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def uniform(self, rows: Tensor | None = None) -> Tensor:
        """float32 (b, 3, H, W), uniform in [-1, 1)."""
        return self._fill(rows, lambda row, generator: row.uniform_(-1, 1, generator=generator))

    def normal(self, rows: Tensor | None = None) -> Tensor:
        """float32 (b, 3, H, W), standard normal."""
        return self._fill(rows, lambda row, generator: row.normal_(generator=generator))

    def integers(self, high: Tensor, rows: Tensor | None = None) -> Tensor:
        """int64 (b,), uniform in [0, high[i])."""
        pairs = zip(self._of(rows), high.tolist(), strict=True)
        return torch.tensor([int(torch.randint(top, (), generator=generator)) for generator, top in pairs], device=self.device)

    def _of(self, rows: Tensor | None) -> list[torch.Generator]:
        return self._generators if rows is None else [self._generators[row] for row in rows.tolist()]

    def _fill(self, rows: Tensor | None, draw: Callable[[Tensor, torch.Generator], Tensor]) -> Tensor:
        generators = self._of(rows)
        filled = torch.empty(len(generators), *self.shape)
        for row, generator in zip(filled, generators, strict=True):
            draw(row, generator)
        return filled.to(self.device)
