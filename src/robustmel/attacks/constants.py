"""The weights of the Carlini-Wagner attack, image by image, and the shortest changes they led to."""

from __future__ import annotations

import torch
from torch import Tensor

UNBOUNDED = 1e10
"""Stands for "no weight has fooled yet"; the last of many searches tries it, as in the authors' code."""

MANY = 10
"""From so many searches on, the last one repeats the smallest weight that fooled."""


class Constants:
    """One weight an image. A search that fooled lowers it, one that did not raises it.

    Args:
        pixels: float32 (B, 3, H, W), the inputs.
        first: The weight of the first search.
        searches: How many there will be.

    Source:
        Carlini & Wagner, 2017, section VI.A ("choosing the constant c").
    """

    def __init__(self, pixels: Tensor, first: float, searches: int) -> None:
        self.searches = searches
        self.weight = pixels.new_full((len(pixels),), first)
        self.lower = torch.zeros_like(self.weight)
        self.upper = torch.full_like(self.weight, UNBOUNDED)
        self.shortest = pixels.clone()
        self.length = torch.full_like(self.weight, torch.inf)
        self.fooled = torch.zeros_like(self.weight, dtype=torch.bool)

    def note(self, pixels: Tensor, rows: Tensor, length: Tensor, fooling: Tensor) -> None:
        """Keeps the images of `rows` that fool and are nearer to the input than any before."""
        self.fooled[rows] |= fooling
        better = fooling & (length < self.length[rows])
        self.shortest[rows[better]], self.length[rows[better]] = pixels[better], length[better]

    def next(self, search: int) -> None:
        """The weights of the search numbered `search`, from 0, after all of the one before."""
        self.upper = torch.where(self.fooled, torch.minimum(self.upper, self.weight), self.upper)
        self.lower = torch.where(self.fooled, self.lower, torch.maximum(self.lower, self.weight))
        self.weight = torch.where(self.upper < UNBOUNDED, (self.lower + self.upper) / 2, self.weight * 10)
        if self.searches >= MANY and search == self.searches - 1:
            self.weight = self.upper
        self.fooled = torch.zeros_like(self.fooled)
