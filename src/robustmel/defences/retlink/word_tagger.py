"""Words for what an image shows, by a dual encoder: the nearest of a vocabulary."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.errors import ImageError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.types import Entity, Query

WORDS = 5
"""Of one image."""


class WordTagger:
    """Says which words of a vocabulary are nearest to an image, by any dual encoder and its own template.

    Args:
        name: The dual encoder.

    Raises:
        UsageError: The linker does not score images.
    """

    version: ClassVar[int] = 2

    def __init__(self, name: str) -> None:
        self._linker: Any = LINKERS.create(name, KnowledgeBase(Entity(word, word) for word in visible_words()))
        if getattr(self._linker, "logits", None) is None:
            raise UsageError(f'descriptors = "{name}" cannot describe images here; name a dual encoder, such as "clip-world".')

    def of_images(self, queries: Sequence[Query]) -> list[Descriptors]:
        """Of the images that the queries name."""
        return [self._of_image(query) for query in queries]

    @torch.no_grad()
    def of_pixels(self, pixels: Tensor, queries: Sequence[Query]) -> list[Descriptors]:
        """Of images (B, 3, H, W) in [0, 1]."""
        return self._best(self._linker.logits(pixels, [_BLANK] * len(pixels), "I2T"))

    def _of_image(self, query: Query) -> Descriptors:
        try:
            return self._best(self._linker.scores([replace(_BLANK, image=query.image)], "I2T"))[0]
        except ImageError as problem:
            return Descriptors(status=problem.kind)

    def _best(self, scores: Tensor) -> list[Descriptors]:
        best = scores.topk(min(WORDS, scores.shape[1]), dim=1).indices.tolist()
        return [Descriptors(tuple(self._linker.kb.ids[place] for place in row)) for row in best]


_BLANK = Query("", "", "", None, None, None)


@cache
def visible_words() -> tuple[str, ...]:
    """The vocabulary: words for what can be seen, none taken from pages, so that no page can change what images are said to show."""
    return tuple(files("robustmel.defences.retlink").joinpath("visible_words.txt").read_text("utf-8").split())
