"""Words for what an image shows, by a dual encoder: the nearest of a vocabulary."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.errors import ImageError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.retrieval.word_index import words
from robustmel.types import Entity, Query

WORDS = 5
"""Of one image."""

RAREST, COMMONEST = 2, 0.2
"""A word of the vocabulary is said of at least so many entities, and of at most this share of them."""


class WordTagger:
    """Says which words of a vocabulary are nearest to an image, by any dual encoder and its own template.

    Args:
        name: The dual encoder.
        kb: Its descriptions and texts are the vocabulary, without the words of names: those would link, not describe.

    Raises:
        UsageError: The linker does not score images, or there are no such words.
    """

    def __init__(self, name: str, kb: KnowledgeBase) -> None:
        vocabulary = KnowledgeBase(Entity(word, word) for word in described_words(kb))
        self._linker: Any = LINKERS.create(name, vocabulary)
        if getattr(self._linker, "logits", None) is None or not len(vocabulary):
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


def described_words(kb: KnowledgeBase) -> list[str]:
    """The words that tell entities of a knowledge base apart and name none, in alphabetical order."""
    names = {word for entity in kb for name in (entity.name, *entity.aliases) for word in words(name)}
    said = Counter(word for entity in kb for word in set(words(f"{entity.description} {entity.text}")))
    return sorted(
        word for word, count in said.items() if RAREST <= count <= COMMONEST * len(kb) and word.isalpha() and word not in names
    )
