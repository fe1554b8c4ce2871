"""A digest of a row's logs for the flags, so that no log stays in memory."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats


@dataclass
class LogDigest:
    """A digest of the logs of a row, over its views and seeds.

    Args:
        stepped: Images on which the attack took gradients.
        zero: Images of these with a gradient of zero everywhere in at least one step.
        changed: The largest change of a pixel in the written images, pixels in [0, 1]; None where nothing was perturbed.
        repeatable: What two passes over the same images came to: False where scores differed.
        asked: Images whose scores were looked at for being probabilities.
        probabilities: Images of these whose scores looked like probabilities whenever the attack asked.
        failures: Why the attack failed on images ("nan", "RuntimeError") -> images.
        rises: Of images on which a first step was tried, how far the scores rose, as a share of what the gradient promised.
        attacked: bool (n,): which mentions were perturbed, in the first view of the first seed.
        late: bool (n,): which mentions only a member without gradients fooled, in any view or seed.
        losses_and_margins: How the attack went on images that withstood it: first loss, best loss, first margin and best margin of each, one
            image after the other.
    """

    stepped: int = 0
    zero: int = 0
    changed: float | None = None
    repeatable: set[bool] = field(default_factory=set)
    asked: int = 0
    probabilities: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    rises: array[float] = field(default_factory=lambda: array("d"))
    attacked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    late: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    losses_and_margins: array[float] = field(default_factory=lambda: array("d"))

    @property
    def withstood(self) -> Floats:
        """(k, 4): `losses_and_margins`, a row an image."""
        return np.array(self.losses_and_margins, dtype=np.float64).reshape(-1, 4)

    def closed(self) -> Floats:
        """Of each image in `withstood`, the share of the gap to the best wrong candidate that the attack closed."""
        first, best = self.withstood[:, 2:].T
        share: Floats = (best - first) / -first
        return share

    def risen(self) -> Floats:
        """Of each image in `withstood`, by what share of itself the loss rose; infinite from zero up, NaN where it is not known."""
        first, best = self.withstood[:, :2].T
        with np.errstate(divide="ignore", invalid="ignore"):
            share: Floats = np.where(best > first, (best - first) / np.abs(first), (best - first) * 0)
        return share


RESOLUTION = 1e-5
"""Rises that are smaller get lost in scores of 32 bits."""
BLACK_BOXES = frozenset({"square"})
"""Members of an ensemble that take no gradients."""


DIGESTED = (
    "status", "succeeded", "fooled_by", "iterations", "zero_gradients", "linf_u8", "probabilities", "deterministic", "rise_predicted",
    "rise", "loss_first", "loss_best", "margin_first", "margin_best",
)  # fmt: skip
"""The columns of a log that are read here."""


def log_digest(logs: Iterable[Iterable[Mapping[str, Any]]]) -> LogDigest:
    """Reads logs one after the other."""
    digest = LogDigest()
    for log in logs:
        late, attacked = bytearray(), bytearray()
        for row in log:
            late.append(row.get("fooled_by") in BLACK_BOXES)
            attacked.append(row["status"] == "ok")
            if row["status"] == "ok":
                _take(row, digest)
            elif str(row["status"]).startswith("error:"):
                digest.failures[str(row["status"]).split(":")[1]] += 1
        if not len(digest.attacked):
            digest.attacked, digest.late = np.array(attacked, dtype=np.bool_), np.array(late, dtype=np.bool_)
        digest.late = digest.late | np.array(late, dtype=np.bool_)
    return digest


def _take(row: Mapping[str, Any], digest: LogDigest) -> None:
    digest.stepped += bool(row["iterations"])
    digest.zero += bool(row["zero_gradients"])
    digest.changed = max(digest.changed or 0.0, row["linf_u8"] or 0.0)
    digest.asked += row.get("probabilities") is not None
    digest.probabilities += bool(row.get("probabilities"))
    if row.get("deterministic") is not None:
        digest.repeatable.add(row["deterministic"])
    predicted, rise = (_number(row.get(name)) for name in ("rise_predicted", "rise"))
    if predicted > RESOLUTION and math.isfinite(rise):
        digest.rises.append(rise / predicted)
    first, best, behind, ahead = (_number(row.get(name)) for name in ("loss_first", "loss_best", "margin_first", "margin_best"))
    # exact ties between entities (a margin of zero) never move, and say nothing about the attack
    if row["succeeded"] is False and math.isfinite(ahead) and behind < 0:
        digest.losses_and_margins.extend((first, best, behind, ahead))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
