"""The files that GEMEL published, of whichever data set they are."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.datasets.layouts.gemel import GEMEL
from robustmel.datasets.published import Published


@dataclass(frozen=True)
class GEMELFiles(Published):
    """WikiDiverse or WikiMEL as GEMEL's authors prepared them: link by text and image features (Shi et al., 2024).

    Takes the parameters of `Published`. Their knowledge base is what the files name; `kb` gives another.

    Source:
        Shi et al., "Generative Multimodal Entity Linking", LREC-COLING 2024.
    """

    name: ClassVar[str] = "gemel"
    layouts: ClassVar = (GEMEL("img_name"), GEMEL("img_url", expected=""))
