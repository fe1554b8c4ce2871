"""Richpedia-MEL."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.melbench import MELBenchRaw
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.published import Published


@dataclass(frozen=True)
class RichpediaMEL(Published):
    """Richpedia-MEL: link entities that occur once each, in sentences with pictures (Zhou et al., 2021).

    Takes the parameters of `Published`.

    Source:
        Zhou et al., "Weibo-MEL, Wikidata-MEL and Richpedia-MEL: Multimodal Entity Linking Benchmark Datasets", CCKS 2021.
    """

    name: ClassVar[str] = "richpedia-mel"
    layouts: ClassVar = (MELBenchRaw("Richpedia-MEL.json"), MIMICCleaned("RichpediaMEL"))
