"""Wikidata-MEL, the raw form of WikiMEL."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.gemel import GEMEL
from robustmel.datasets.layouts.melbench import MELBenchRaw
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.published import Published


@dataclass(frozen=True)
class WikidataMEL(Published):
    """Wikidata-MEL (WikiMEL): link persons in captions and pictures of Wikipedia to Wikidata (Zhou et al., 2021).

    Takes the parameters of `Published`.

    Source:
        Zhou et al., "Weibo-MEL, Wikidata-MEL and Richpedia-MEL: Multimodal Entity Linking Benchmark Datasets", CCKS 2021.
    """

    name: ClassVar[str] = "wikidata-mel"
    layouts: ClassVar = (
        MELBenchRaw("Wikidata-MEL.json"),
        MIMICCleaned("WIKIMEL"),
        GEMEL("img_name"),
    )


@dataclass(frozen=True)
class WikiMEL(WikidataMEL):
    """WikiMEL: another name of Wikidata-MEL (Wang et al., 2022)."""

    name: ClassVar[str] = "wikimel"
    described_as: ClassVar[str | None] = "wikidata-mel"
