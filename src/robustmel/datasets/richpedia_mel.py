"""Richpedia-MEL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.melbench import MELBenchRaw
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.layouts.recuts import DWE_RICHPEDIA
from robustmel.datasets.published import About, Published


@dataclass(frozen=True)
class RichpediaMEL(Published):
    """Richpedia-MEL: sentences of Wikipedia with pictures from Richpedia; every entity occurs once.

    Takes the parameters of `Published`.

    Source:
        Zhou et al., "Weibo-MEL, Wikidata-MEL and Richpedia-MEL: Multimodal Entity Linking Benchmark Datasets", CCKS 2021.
    """

    name: ClassVar[str] = "richpedia-mel"
    layouts: ClassVar = (MELBenchRaw("Richpedia-MEL.json"), MIMICCleaned("RichpediaMEL"), DWE_RICHPEDIA)
    about: ClassVar[About] = About(
        title="Richpedia-MEL (RichpediaMEL)",
        paper="Zhou et al., CCKS 2021",
        licence="MIT (annotations); sentences and images: Wikipedia's and Wikimedia Commons' own",
        offered="github.com/seukgcode/MELBench (Richpedia-MEL.zip)",
        images="linked from the same repository (a drive folder, by hand)",
        folder=("Richpedia-MEL.json    17,805 records", "images/<record id>.jpg"),
        remarks=(
            "The record id is the answer; linkers see an opaque id instead.",
            "Every entity occurs once, so no entity is popular by its training mentions.",
        ),
    )
