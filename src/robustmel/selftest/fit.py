"""The linear tower's weights: ridge regression in closed form, on the very images it will be asked about.

It is meant to know them by heart: not its answers are on trial but the attacks, and they need something to break.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from robustmel.images import Pixels

Floats = NDArray[np.float64]

CELLS = 16
"""Cells to a side of the grid an image is averaged over."""
RIDGE = 2.0
"""Of the mean squared length of a centred image: strong enough that answers hang on many cells a little, not on few much."""


@dataclass(frozen=True)
class Fitted:
    """Scores that are linear in the pixels.

    Args:
        entities: Ids, in the order of the rows.
        cells: Cells to a side.
        weights: (E, 3 * cells * cells), over the cells' means in [0, 1], channels first.
        bias: (E,).
    """

    entities: tuple[str, ...]
    cells: int
    weights: Floats
    bias: Floats

    def scaled(self, factor: float) -> Fitted:
        """The same answers, from scores that are `factor` times as large."""
        return Fitted(self.entities, self.cells, factor * self.weights, factor * self.bias)


def averaging(size: int, cells: int) -> Floats:
    """(cells, size): the matrix that averages a line of pixels over cells, which overlap where they do not divide it."""
    rows = np.zeros((cells, size))
    for cell in range(cells):
        first, last = cell * size // cells, -(-(cell + 1) * size // cells)
        rows[cell, first:last] = 1 / (last - first)
    return rows


def cell_means(picture: Pixels, cells: int) -> Floats:
    """(3 * cells * cells,): the cells' means of a picture, in [0, 1]."""
    high, wide = (averaging(size, cells) for size in picture.shape[:2])
    return (high @ (picture / 255.0).transpose(2, 0, 1) @ wide.T).ravel()


def fit(pictures: Sequence[Pixels], golds: Sequence[str], entities: Sequence[str], cells: int = CELLS, ridge: float = RIDGE) -> Fitted:  # fmt: skip
    """Weights under which each picture scores its own entity high.

    Args:
        pictures: uint8 (H, W, 3), of any sizes.
        golds: Their entities, among `entities`.
        entities: All that may be asked for.
        cells: Cells to a side.
        ridge: Penalty on the weights, in units of the pictures' mean squared distance to their mean.
    """
    features = np.stack([cell_means(picture, cells) for picture in pictures])
    distinct = tuple(dict.fromkeys(entities))
    row = {entity: index for index, entity in enumerate(distinct)}
    answers = np.zeros((len(features), len(distinct)))
    answers[np.arange(len(features)), [row[gold] for gold in golds]] = 1
    centre, share = features.mean(axis=0), answers.mean(axis=0)
    away = features - centre
    alike = away @ away.T
    penalty = ridge * np.trace(alike) / len(features) + 1e-9
    weights = np.linalg.solve(alike + penalty * np.eye(len(features)), answers - share).T @ away
    return Fitted(distinct, cells, weights, share - weights @ centre)


def write_tower(fitted: Fitted, path: Path) -> None:
    """Writes weights for `LinearTower`, as float32."""
    about = {"entities": json.dumps(fitted.entities), "cells": str(fitted.cells)}
    save_file({"weights": fitted.weights.astype(np.float32), "bias": fitted.bias.astype(np.float32)}, path, about)


def read_tower(path: Path) -> Fitted:
    """What `write_tower` wrote."""
    with safe_open(path, "np") as file:
        about = file.metadata()
        return Fitted(
            tuple(json.loads(about["entities"])), int(about["cells"]), file.get_tensor("weights"), file.get_tensor("bias")
        )
