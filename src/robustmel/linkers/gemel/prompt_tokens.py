"""Prompts as tokens with places for visual vectors, and as the embeddings that a language model reads."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from robustmel.linkers.gemel.checkpoint import Demo
from robustmel.linkers.gemel.prompt import Prompt

VISUAL = -1
"""Stands in a sequence of token ids where a visual vector goes."""


class PromptTokens:
    """Writes prompts for one language model.

    Args:
        tokenizer: Of the language model.
        start: Token that its tokenizer puts before a text; None where it puts none.
        prompt: The texts.
        prefix_length: Visual vectors of an image.
    """

    def __init__(self, tokenizer: Any, start: int | None, prompt: Prompt, prefix_length: int) -> None:
        self.start = [] if start is None else [start]
        self._prompt, self._visual = prompt, [VISUAL] * prefix_length
        self._tokens = lru_cache(maxsize=65_536)(lambda text: tuple(tokenized(tokenizer, [text])[0]))

    def demo(self, demo: Demo) -> list[int]:
        """A demonstration, from its visual vectors to the separator."""
        return [*self.question(demo.text, demo.mention), *self._tokens(demo.name), *self._tokens(self._prompt.separator)]

    def question(self, text: str, mention: str) -> list[int]:
        """A question, from its visual vectors to the place of the name."""
        return [*self._visual, *self._tokens(self._prompt.ask(text, mention))]


def tokenized(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of texts, without start and end."""
    if not texts:
        return []
    encodable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]  # lone surrogates
    ids: list[list[int]] = tokenizer(encodable, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def left_padded(sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids, int64 (B, T), 0 where there is padding, and the mask (B, T)."""
    longest = max(map(len, sequences))
    ids = torch.tensor([[0] * (longest - len(sequence)) + list(sequence) for sequence in sequences])
    mask = torch.tensor([[0] * (longest - len(sequence)) + [1] * len(sequence) for sequence in sequences])
    return ids, mask


def embedded(embed: Any, ids: Tensor, visual: Tensor) -> Tensor:
    """The embeddings of sequences with visual vectors in their places: float (B, T, width), differentiable in the vectors.

    Args:
        embed: Token ids of any shape -> embeddings.
        ids: int64 (B, T), `VISUAL` where a vector goes.
        visual: (n, width): the vectors, in reading order.
    """
    embeds: Tensor = embed(ids.clamp(min=0))
    rows, places = (ids == VISUAL).nonzero(as_tuple=True)
    return embeds.index_put((rows.to(embeds.device), places.to(embeds.device)), visual.to(embeds))
