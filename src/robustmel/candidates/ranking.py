"""The best of many scores, and the check of how many are wanted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustmel.errors import UsageError


def top(scores: NDArray[Any], k: int) -> NDArray[np.intp]:
    """Positions of the k highest scores, highest first; equal ones in their own order.

    Args:
        scores: (N,) numbers, none of them NaN.
        k: How many; all N where there are fewer.
    """
    if k < len(scores):
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        contenders = np.flatnonzero(scores >= threshold)
    else:
        contenders = np.arange(len(scores))
    order: NDArray[np.intp] = contenders[np.argsort(-scores[contenders], kind="stable")][:k]
    return order


def require_count(generator: str, k: object) -> None:
    """Raises `UsageError` unless `k` is a whole number from 1 on."""
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise UsageError(
            f"candidate generator {generator} needs k, the length of a list, as a whole number from 1 on; got {k}."
        )
