"""WikiDiverse."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.gemel import GEMEL
from robustmel.datasets.layouts.mimic import MIMICCleaned
from robustmel.datasets.layouts.wikidiverse import WikiDiverseReleased
from robustmel.datasets.published import Published


@dataclass(frozen=True)
class WikiDiverse(Published):
    """WikiDiverse: link entities of 13 types in news captions with pictures to Wikipedia (Wang et al., 2022).

    Takes the parameters of `Published`.

    Source:
        Wang et al., "WikiDiverse: A Multimodal Entity Linking Dataset with Diversified Contextual Topics and Entity Types",
        ACL 2022.
    """

    name: ClassVar[str] = "wikidiverse"
    layouts: ClassVar = (
        WikiDiverseReleased(),
        WikiDiverseReleased(with_candidates=True),
        MIMICCleaned("wiki_diverse"),
        GEMEL("img_url"),
    )
