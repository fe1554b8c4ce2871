"""WIKIPerson."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from robustmel.datasets.boxes import cropped
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.wikiperson import WIKIPersonReleased
from robustmel.datasets.published import Published


@dataclass(frozen=True)
class WIKIPerson(Published):
    """WIKIPerson: link persons in news pictures, each marked by a box, without any sentence (Sun et al., 2022).

    Takes the parameters of `Published`, and:

    Args:
        crop: Show linkers the person's box instead of the whole picture. The cut-out pictures are kept as PNG files in the cache.
        entities: The list of entities (entity_12w.json) where it does not lie in TKB.

    Source:
        Sun et al., "Visual Named Entity Linking: A New Dataset and A Baseline", Findings of EMNLP 2022.
    """

    crop: bool = False
    entities: str | None = None

    name: ClassVar[str] = "wikiperson"
    layouts: ClassVar = (WIKIPersonReleased(),)

    def load(self, split: str = "all") -> Dataset:
        """See `Published.load`; with `crop`, pictures that can be read are replaced by the part inside the box."""
        dataset = super().load(split)
        if not self.crop:
            return dataset
        return replace(dataset, name=f"{dataset.name}-cropped", mentions=cropped(dataset.mentions, dataset.report))

    @property
    def options(self) -> dict[str, Any]:
        """The list of entities."""
        return {"entities": self.entities}
