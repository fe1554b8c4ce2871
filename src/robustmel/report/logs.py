"""What the attack itself said: how far it went, what it cost, whether its gradients meant anything."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustmel.report.metrics import share


@dataclass(frozen=True, slots=True)
class Effort:
    """A digest of the logs of a cell, over all its views and seeds. None where there is nothing to take a median or share of.

    Args:
        perturbed: Images that were perturbed.
        skipped: Why others were not ("gold_not_among_candidates", ...) -> mentions; these kept their own image.
        failed: What went wrong ("image_decode", ...) -> mentions; these kept their own image too.
        median_linf: Largest change of a pixel, median over the images as written in 8 bits, pixels in [0, 1].
        median_l2: Euclidean length of the change, likewise.
        median_queries: Forward evaluations an image.
        zero_gradient_share: Gradient steps whose gradient was zero everywhere, of all steps.
        success_float: Images that fooled their source before they were rounded to 8 bits, of those perturbed.
        success_u8: The same after rounding: what was really scored.
    """

    perturbed: int
    skipped: dict[str, int]
    failed: dict[str, int]
    median_linf: float | None
    median_l2: float | None
    median_queries: float | None
    zero_gradient_share: float | None
    success_float: float | None
    success_u8: float | None


def effort(log: Sequence[Mapping[str, Any]]) -> Effort:
    """Digests log rows."""
    done = [row for row in log if row["status"] == "ok"]
    steps = sum(row["iterations"] or 0 for row in done)
    return Effort(
        perturbed=len(done),
        skipped=_reasons(log, "skipped:"),
        failed=_reasons(log, "error:"),
        median_linf=_median(row["linf_u8"] for row in done),
        median_l2=_median(row["l2_u8"] for row in done),
        median_queries=_median(row["queries"] for row in done),
        zero_gradient_share=share(sum(row["zero_gradients"] or 0 for row in done), steps),
        success_float=_share_true(row["succeeded"] for row in done),
        success_u8=_share_true(row["succeeded_u8"] for row in done),
    )


def _reasons(log: Iterable[Mapping[str, Any]], prefix: str) -> dict[str, int]:
    """Reason -> mentions, each counted once however many views and seeds say the same."""
    found: dict[str, set[str]] = {}
    for row in log:
        if str(row["status"]).startswith(prefix):
            found.setdefault(str(row["status"])[len(prefix) :].split(":")[0], set()).add(row["id"])
    return {why: len(ids) for why, ids in sorted(found.items())}


def _median(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return statistics.median(known) if known else None


def _share_true(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return share(sum(known), len(known))
