"""M3EL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.m3el import M3ELReleased
from robustmel.datasets.published import Published


@dataclass(frozen=True)
class M3EL(Published):
    """M3EL: link films, things, persons, books and sports by a sentence and a picture (Wang et al., M3EL).

    Takes the parameters of `Published`.

    Source:
        Wang et al., "MMEL/M3EL" (github.com/ww-1009/M3EL).
    """

    name: ClassVar[str] = "m3el"
    layouts: ClassVar = (M3ELReleased("M3EL"),)
