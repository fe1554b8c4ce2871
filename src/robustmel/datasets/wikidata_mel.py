"""Wikidata-MEL, the raw form of WikiMEL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.gemel import GEMEL
from robustmel.datasets.layouts.melbench import MELBenchRaw
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.layouts.recuts import DRIN_WIKIMEL, DWE_WIKIMEL
from robustmel.datasets.published import About, Published


@dataclass(frozen=True)
class WikidataMEL(Published):
    """Wikidata-MEL, known as WikiMEL: captions from Wikipedia with their pictures; persons, linked to Wikidata.

    Takes the parameters of `Published`.

    Source:
        Zhou et al., "Weibo-MEL, Wikidata-MEL and Richpedia-MEL: Multimodal Entity Linking Benchmark Datasets", CCKS 2021.
    """

    name: ClassVar[str] = "wikidata-mel"
    layouts: ClassVar = (
        MELBenchRaw("Wikidata-MEL.json"),
        MIMICCleaned("WIKIMEL"),
        GEMEL("img_name"),
        DWE_WIKIMEL,
        DRIN_WIKIMEL,
    )
    about: ClassVar[About] = About(
        title="Wikidata-MEL (WikiMEL)",
        paper="Zhou et al., CCKS 2021; as WikiMEL: Wang et al., SIGIR 2022",
        licence="MIT (annotations); sentences and images: Wikipedia's and Wikimedia Commons' own",
        offered="github.com/seukgcode/MELBench (Wikidata-MEL.zip)",
        images="linked from the same repository (a drive folder, by hand)",
        folder=("Wikidata-MEL.json    22,136 records", "images/<record id>.jpg"),
        remarks=(
            "WikiMEL is the same data: 22,136 records with 25,846 mentions of 17,391 entities.",
            "The raw file has no split; by default records are drawn 7:1:2. The split by mention that circulates as MIMIC's leaks:"
            " 22.6 % of its test mentions share image or sentence with training.",
        ),
    )


@dataclass(frozen=True)
class WikiMEL(WikidataMEL):
    """Wikidata-MEL under its other name."""

    name: ClassVar[str] = "wikimel"
