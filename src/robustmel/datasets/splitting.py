"""Splits for data sets that came without: seeded, by record unless the user asks otherwise."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from robustmel.errors import UsageError
from robustmel.types import Mention

By = Literal["record", "mention"]
NAMES = ("train", "validation", "test")


def ratio(text: str) -> tuple[float, float, float]:
    """Shares of train, validation and test from a text like "7:1:2"; they sum to 1.

    Raises:
        UsageError: It is not three numbers from 0 on, not all zero.
    """
    try:
        if not isinstance(text, str):
            raise ValueError
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if len(parts) != 3 or min(parts) < 0 or not 0 < sum(parts) < float("inf"):
        raise UsageError(f'ratio = "{text}" is not a ratio of train, validation and test; write "7:1:2" or "8:1:1".')
    whole = sum(parts)
    return parts[0] / whole, parts[1] / whole, parts[2] / whole


def assigned(mentions: Sequence[Mention], record: Mapping[str, str], shares: str, by: By, seed: int) -> list[Mention]:
    """The mentions with their `split`, in the same order; exact shares of the records, drawn by lot.

    A split by mention leaks: mentions of one record share sentence and image.

    Raises:
        UsageError: `shares` or `by` is none.
    """
    if by not in ("record", "mention"):
        raise UsageError(f'split_by = "{by}" is unknown; choose "record" or "mention" (which leaks between splits).')
    first, second, _ = ratio(shares)
    units = list(dict.fromkeys(_unit(mention, record, by) for mention in mentions))
    drawn = sorted(units, key=lambda unit: hashlib.blake2b(f"{seed}\x00{unit}".encode("utf-8", "replace")).digest())
    ends = round(first * len(drawn)), round((first + second) * len(drawn))
    split = {unit: NAMES[(place >= ends[0]) + (place >= ends[1])] for place, unit in enumerate(drawn)}
    return [replace(mention, split=split[_unit(mention, record, by)]) for mention in mentions]


def _unit(mention: Mention, record: Mapping[str, str], by: By) -> str:
    return record.get(mention.id, mention.id) if by == "record" else mention.id
