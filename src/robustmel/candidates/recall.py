"""How many mentions can be answered at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from robustmel.types import Mention


def recall(mentions: Sequence[Mention], candidates: Sequence[Sequence[str]]) -> float:
    """Share of the mentions with a gold entity whose candidates hold it, in [0, 1]; NaN where no mention has one.

    Mentions whose gold entity is in no knowledge base (NIL) have no right candidate and are left out.
    """
    held = [mention.gold in listed for mention, listed in zip(mentions, candidates, strict=True) if mention.gold is not None]
    return sum(held) / len(held) if held else math.nan
