"""Texts to embeddings: each text once, independent of the batch, every cut counted."""

import logging
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)

ROWS = 16
"""Texts encoded at a time. A shorter batch is filled up: matrix products of one shape give a text one embedding, whatever
the others in the batch are, so that runs and batch sizes cannot disagree on a text."""

LENGTHS = (16, 32, 64, 128, 256)
"""Token counts a text is padded to where its model does not ask for a fixed length; longer ones go to the limit."""

REMEMBERED = 1_000_000
"""Embeddings kept before the memory is emptied."""


class TextTower:
    """The text side of a dual encoder, with a memory of what it has embedded.

    Args:
        tokenizer: Of the library.
        features: (token ids, attention mask), both int64 (n, length) -> embeddings (n, D).
        limit: Tokens a text may have; longer ones are cut, counted and reported.
        fixed_length: Pad every text to `limit` (SigLIP was trained so); else to the next of `LENGTHS`.
        device: Where the model is.
    """

    def __init__(
        self,
        tokenizer: Any,
        features: Callable[[Tensor, Tensor], Tensor],
        limit: int,
        fixed_length: bool,
        device: torch.device,
    ) -> None:
        self.tokenizer = tokenizer
        self.features = features
        self.limit = limit
        self.lengths = (limit,) if fixed_length else (*(length for length in LENGTHS if length < limit), limit)
        self.rows = ROWS
        self.pads_left = fixed_length and tokenizer.padding_side == "left"  # else a text's place would depend on its neighbours
        self.device = device
        self.cut: set[str] = set()
        """Texts that were longer than the limit."""
        self._row: dict[str, int] = {}
        self._row_of_tokens: dict[bytes, int] = {}
        self._memory = torch.empty(0, 0, device=device)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Embeddings as the model gives them, of no particular length: float32 (n, D); equal texts give equal rows."""
        places = self.places(texts)
        return self.at(torch.tensor(places, dtype=torch.long))

    def at(self, places: Tensor) -> Tensor:
        """Embeddings of the texts with these numbers from `places`: float32 (n, D); numbers of an earlier call may have gone."""
        return self._memory[places.to(self.device)]

    def places(self, texts: Sequence[str]) -> list[int]:
        """One number a text, the same for texts that the model reads alike: cut to the same tokens, or equal but for case."""
        distinct = list(dict.fromkeys(texts))
        if len(self._row) + len(distinct) > REMEMBERED:
            self.forget()
        fresh = [text for text in distinct if text not in self._row]
        if fresh or not self._row:
            self._remember(fresh or [""])
        return [self._row[text] for text in texts]

    def forget(self) -> None:
        """Empties the memory; numbers given before have gone."""
        self._row, self._row_of_tokens, self._memory = {}, {}, torch.empty(0, 0, device=self.device)

    def fits(self, text: str) -> bool:
        """Whether all of a text is read."""
        encodable = text.encode("utf-8", "replace").decode("utf-8")
        return len(self.tokenizer(encodable, truncation=False, verbose=False)["input_ids"]) <= self.limit

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, at most `limit`; cut ones are counted."""
        encodable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]  # lone surrogates
        ids: list[list[int]] = self.tokenizer(encodable, truncation=False, verbose=False)["input_ids"]
        long = [index for index, tokens in enumerate(ids) if len(tokens) > self.limit]
        if long:
            cut = self.tokenizer([encodable[index] for index in long], truncation=True, max_length=self.limit)["input_ids"]
            for index, shorter in zip(long, cut, strict=True):
                ids[index] = shorter
            if not self.cut:
                log.warning("texts of over %d tokens are cut, the first: %.60r", self.limit, texts[long[0]])
            self.cut.update(texts[index] for index in long)
        return ids

    def _remember(self, texts: list[str]) -> None:
        """Embeds texts not met before, in groups of equal padded length; what comes to the same tokens is embedded once."""
        groups: defaultdict[int, list[bytes]] = defaultdict(list)
        ids = [array("i", tokens).tobytes() for tokens in self.tokens(texts)]  # as bytes they are a tenth of their size
        for tokens in dict.fromkeys(ids):
            if tokens not in self._row_of_tokens:
                groups[next(length for length in self.lengths if length >= len(_ids(tokens)))].append(tokens)
        for length, members in sorted(groups.items()):
            for start in range(0, len(members), self.rows):
                batch = members[start : start + self.rows]
                self._store(batch, self._encode(batch, length))
        self._row.update((text, self._row_of_tokens[tokens]) for text, tokens in zip(texts, ids, strict=True))

    def _store(self, texts: list[bytes], embeddings: Tensor) -> None:
        """Adds rows to the memory, which doubles when it is full."""
        used, needed = len(self._row_of_tokens), len(self._row_of_tokens) + len(texts)
        if needed > len(self._memory):
            larger = embeddings.new_zeros(max(needed, 2 * len(self._memory)), embeddings.shape[1])
            if used:
                larger[:used] = self._memory[:used]
            self._memory = larger
        self._memory[used:needed] = embeddings
        self._row_of_tokens.update(zip(texts, range(used, needed), strict=True))

    @torch.no_grad()
    def _encode(self, ids: list[bytes], length: int) -> Tensor:
        """One batch of `rows` texts of one padded length, filled up with copies of its first."""
        padding = self.tokenizer.pad_token_id or 0
        filled = ids + [ids[0]] * (self.rows - len(ids))
        tokens = torch.tensor([self._padded(_ids(text), padding, length) for text in filled], device=self.device)
        mask = torch.tensor([self._padded([1] * len(_ids(text)), 0, length) for text in filled], device=self.device)
        return self.features(tokens, mask)[: len(ids)].float()

    def _padded(self, tokens: list[int], padding: int, length: int) -> list[int]:
        rest = [padding] * (length - len(tokens))
        return rest + tokens if self.pads_left else tokens + rest


def _ids(tokens: bytes) -> list[int]:
    return array("i", tokens).tolist()
