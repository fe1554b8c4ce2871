"""M3EL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.m3el import M3ELReleased
from robustmel.datasets.published import About, Published


@dataclass(frozen=True)
class M3EL(Published):
    """M3EL: entities of movies, everyday things, persons, books and sports with a sentence, a picture and candidates.

    Takes the parameters of `Published`.

    Source:
        Wang et al., "MMEL/M3EL" (github.com/ww-1009/M3EL).
    """

    name: ClassVar[str] = "m3el"
    layouts: ClassVar = (M3ELReleased("M3EL"),)
    about: ClassVar[About] = About(
        title="M3EL",
        paper="see github.com/ww-1009/M3EL",
        licence="not stated by its owner",
        offered="see github.com/ww-1009/M3EL (a drive folder, by hand)",
        images="with the data",
        folder=("M3EL.json (or M3EL_train.json, ...)", "<category>_candidates_images/..."),
        remarks=(
            "Records name no mention: where the sentence does not hold the entity's name word for word, the surface is empty.",
            "The container of the released file was not seen: a list, JSON lines and an object are read.",
        ),
    )
