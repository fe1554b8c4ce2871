"""A vote over views of one image."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from robustmel.defences.chosen_answer import Choice, ChosenAnswer, Voice
from robustmel.defences.images.transform import ImageTransform, TransformedImages
from robustmel.errors import UsageError
from robustmel.images import Pixels
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Prediction, Task

CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
"""Where a crop lies, as shares of the room left: from the top, from the left."""


class Crop(ImageTransform):
    """A part of the image, or its mirror image.

    Args:
        keep: Share of both sides.
        down: Where it lies, as a share of the room left, from the top.
        across: The same from the left.
        mirrored: Left and right changed.
    """

    def __init__(self, keep: float, down: float, across: float, mirrored: bool) -> None:
        self._keep, self._down, self._across, self._mirrored = keep, down, across, mirrored

    def picture(self, picture: Pixels, seed: int) -> Pixels:
        """See `ImageTransform`."""
        rows, columns = self._part(picture.shape[0], self._down), self._part(picture.shape[1], self._across)
        part = picture[rows, columns]
        return np.ascontiguousarray(part[:, ::-1] if self._mirrored else part)

    def smooth(self, pixels: Tensor, seeds: Sequence[int]) -> Tensor:
        """See `ImageTransform`; exact."""
        part = pixels[:, :, self._part(pixels.shape[2], self._down), self._part(pixels.shape[3], self._across)]
        return part.flip(3) if self._mirrored else part

    def _part(self, side: int, where: float) -> slice:
        kept = max(1, round(self._keep * side))
        start = round(where * (side - kept))
        return slice(start, start + kept)


class Views:
    """Asks about the whole image and crops of it from the four corners, and answers what most of these views say (Guo et al., 2018).

    Of those that agree the first answers, the whole image before the crops; where all differ, the whole image does.

    Args:
        kb: Not used.
        keep: Share of both sides that a crop keeps, above 0 and below 1.
        mirrored: Ask about the mirror images of all five as well.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Guo et al., "Countering Adversarial Images using Input Transformations", ICLR 2018, section 4.1 (crop ensembles), with a vote in
        place of an average.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kb: KnowledgeBase, /, keep: float = 0.85, mirrored: bool = False) -> None:
        if not 0 < keep < 1:
            raise UsageError(f"defence views: keep = {keep}; expected above 0 and below 1.")
        places = [(1.0, 0.0, 0.0), *((keep, down, across) for down, across in CORNERS)]
        self._crops = [Crop(*place, turned) for turned in ((False, True) if mirrored else (False,)) for place in places]

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of the linker's, if it reads images at all."""
        return linker if linker.images else Capabilities(tasks=())

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker behind the vote."""
        looks = [TransformedImages(linker, crop) for crop in self._crops]
        return ChosenAnswer(
            linker, lambda task: [Voice(look, task) for look in looks] if task != "T2T" else [Voice(linker, task)], self._choose
        )

    def _choose(self, task: Task, answers: Sequence[Prediction]) -> Choice:
        best = [answer.ranked[0] if answer.ranked else None for answer in answers]
        return Choice(best.index(Counter(best).most_common(1)[0][0]))
