"""The kinds of doubt there are."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of doubt.

    Args:
        code: Names it in JSON and CSV.
        title: Names it in a report.
        means: What follows from it and what to do, a sentence of its own.
        needs: What a grid must hold, or there is nothing to examine.
    """

    code: str
    title: str
    means: str
    needs: str


def _kinds() -> dict[str, Kind]:
    text = (resources.files("robustmel.report.flags") / "kinds.toml").read_text("utf-8")
    return {code: Kind(code, **words) for code, words in tomllib.loads(text).items()}


KINDS: Mapping[str, Kind] = _kinds()
"""By code, in the order of a report."""
