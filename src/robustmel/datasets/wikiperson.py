"""WIKIPerson."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from robustmel.datasets.crops import cropped
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.wikiperson import WIKIPersonReleased
from robustmel.datasets.published import About, Published


@dataclass(frozen=True)
class WIKIPerson(Published):
    """WIKIPerson: persons in news pictures, each with a box; a visual task without any sentence.

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
    about: ClassVar[About] = About(
        title="WIKIPerson",
        paper="Sun et al., Findings of EMNLP 2022",
        licence="MIT (annotations; the repository carries an Apache-2.0 file as well); pictures: Wikimedia's own",
        offered="github.com/ict-bigdatalab/VNEL (annotations in the repository, knowledge base and pictures: a drive folder, by hand)",
        images="the drive folder named in the same repository",
        folder=(
            "WIKIPerson_Train_Dev.json, WIKIPerson_Test.json",
            "TKB/entity_12w.json    120,000 entities",
            "IKB/<id>.jpg           a picture an entity",
            "images/<image>         the pictures of the mentions",
        ),
        remarks=(
            "There is no sentence: IT2T and T2T have nothing to read beside the picture.",
            "183 boxes have negative coordinates and some reach beyond the picture: boxes are clipped.",
            "In the test file every entity occurs once, so no entity is popular by its training mentions.",
        ),
    )

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
