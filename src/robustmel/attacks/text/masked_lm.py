"""A masked language model that says which words may stand at a place of a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from robustmel.attacks.text.words import is_word
from robustmel.errors import UsageError
from robustmel.linkers.loading import check_complete, load_text_model, pick_device
from robustmel.linkers.weights import model_folder

ROWS = 8
"""Texts read at a time. A shorter batch is filled up: matrix products of one shape give a text one result, whatever the others in
the batch are, so that batch sizes cannot disagree on a word."""

STEP = 8
"""Texts are padded to a multiple of so many tokens."""

WINDOW = 512
"""Tokens around the mask that are read at most; fewer where the model has fewer places."""

CHARACTERS = 16
"""Characters on either side of the mask that are looked at, for each token that is read."""

STARTS = ("Ġ", "▁")
"""What byte-level and sentence-piece vocabularies begin a token with that has a blank before it; WordPiece marks the others ("##")."""


class Gap(NamedTuple):
    """A place to be filled: what stands before it and after it."""

    left: str
    right: str


class Filling(NamedTuple):
    """A word for a gap, and its probability there, in [0, 1]."""

    word: str
    probability: float


class MaskedLM:
    """A masked language model of the transformers library.

    Args:
        network: Of the kind that `AutoModelForMaskedLM` loads.
        tokenizer: Of the library, with a mask token.

    Raises:
        UsageError: The tokenizer has no mask token.
    """

    def __init__(self, network: Any, tokenizer: Any) -> None:
        if tokenizer.mask_token is None:
            raise UsageError(f"a {type(network).__name__} without a mask token fills no gaps; use a masked language model.")
        self.network, self.tokenizer = network.eval().requires_grad_(False), tokenizer
        self.device: torch.device = network.get_input_embeddings().weight.device
        # Only the masked places go through the head, whatever the family calls it: its input is what the base model returns.
        network.base_model.register_forward_hook(self._select)
        self._places = torch.empty(0)
        self.after_blank, self.elsewhere = whole_words(tokenizer)
        config = network.config
        self.ends: list[int] = tokenizer("")["input_ids"]
        self.window = min(WINDOW, config.max_position_embeddings, tokenizer.model_max_length) - len(self.ends)
        if config.model_type in ("roberta", "camembert", "xlm-roberta"):  # whose places begin behind the padding's
            self.window = min(self.window, config.max_position_embeddings - config.pad_token_id - 1 - len(self.ends))
        self.tokens_read = 0
        """Tokens that went through the model so far, padding included."""

    @torch.no_grad()
    def fill(self, gaps: Sequence[Gap], count: int) -> list[list[Filling]]:
        """The likeliest tokens of each gap that are whole words, among its `count` likeliest tokens of all, likeliest first.

        A gap after a blank is filled by a word, any other by what may follow without one. Ties go by the token's id.
        """
        groups: defaultdict[int, list[int]] = defaultdict(list)
        tokens = [self._tokens(gap) for gap in gaps]
        for index, (row, _) in enumerate(tokens):
            groups[-(-len(row) // STEP) * STEP].append(index)
        filled: list[list[Filling]] = [[] for _ in gaps]
        for length, members in sorted(groups.items()):
            for first in range(0, len(members), ROWS):
                batch = members[first : first + ROWS]
                logits = self._logits([tokens[index] for index in batch], length)
                for index, row in zip(batch, torch.log_softmax(logits.double(), -1), strict=False):
                    filled[index] = list(self._words(row, gaps[index], count))
        return filled

    @torch.no_grad()
    def token_log_probabilities(self, texts: Sequence[str]) -> list[list[tuple[int, int, float]]]:
        """For each text its tokens: characters [start, end), and the log-probability where that token alone is masked.

        Source:
            Salazar et al., "Masked Language Model Scoring", ACL 2020, equation 1.
        """
        rows, found = [], list[list[tuple[int, int, float]]]()
        for number, text in enumerate(texts):
            read = self.tokenizer(
                text.encode("utf-8", "replace").decode(), add_special_tokens=False, return_offsets_mapping=True, verbose=False
            )
            found.append([(*span, 0.0) for span in read["offset_mapping"]])
            for place, token in enumerate(read["input_ids"]):
                masked = [*read["input_ids"][:place], self.tokenizer.mask_token_id, *read["input_ids"][place + 1 :]]
                rows.append((number, place, token, self._around(masked, place)))
        rows.sort(key=lambda row: len(row[3][0]))
        for start in range(0, len(rows), ROWS):
            batch = rows[start : start + ROWS]
            longest = -(-len(batch[-1][3][0]) // STEP) * STEP
            chances = torch.log_softmax(self._logits([row[3] for row in batch], longest).double(), -1)
            for (number, place, token, _), own in zip(batch, chances, strict=False):
                found[number][place] = (*found[number][place][:2], float(own[token]))
        return found

    def _words(self, log_probabilities: Tensor, gap: Gap, count: int) -> Iterator[Filling]:
        words = self.after_blank if gap.left[-1:].isspace() else self.elsewhere
        best = log_probabilities.topk(min(count, len(log_probabilities)))
        for token, value in sorted(
            zip(best.indices.tolist(), best.values.exp().tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])
        ):
            if token in words:
                yield Filling(words[token], value)

    def _tokens(self, gap: Gap) -> tuple[list[int], int]:
        """Token ids of a text with a mask in the gap, cut around the mask where the model reads fewer; and where the mask is."""
        reach, sign = CHARACTERS * self.window, self.tokenizer.mask_token
        left, right = (side.encode("utf-8", "replace").decode() for side in (gap.left[-reach:], gap.right[:reach]))
        ids: list[int] = self.tokenizer(f"{left}{sign}{right}", add_special_tokens=False, verbose=False)["input_ids"]
        masks = [place for place, token in enumerate(ids) if token == self.tokenizer.mask_token_id]
        mask = masks[left.count(sign)]  # a text may hold the sign itself
        return self._around(ids, mask)

    def _around(self, ids: list[int], mask: int) -> tuple[list[int], int]:
        """As many tokens around the mask as the model reads, between its special ones; and where the mask then is."""
        start = min(max(0, mask - self.window // 2), max(0, len(ids) - self.window))
        return [*self.ends[:1], *ids[start : start + self.window], *self.ends[1:]], mask - start + len(self.ends[:1])

    def _logits(self, rows: Sequence[tuple[list[int], int]], length: int) -> Tensor:
        """Logits (ROWS, V) at the masks."""
        pad = self.tokenizer.pad_token_id or 0
        filled = [*rows, *[rows[0]] * (ROWS - len(rows))]
        tokens = torch.tensor([[*row, *[pad] * (length - len(row))] for row, _ in filled], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row, _ in filled], device=self.device)
        self._places = torch.tensor([place for _, place in filled], device=self.device)
        self.tokens_read += tokens.numel()
        logits: Tensor = self.network(input_ids=tokens, attention_mask=mask).logits[:, 0]
        return logits

    def _select(self, module: Any, inputs: Any, outputs: Any) -> Any:
        states = outputs.last_hidden_state
        outputs.last_hidden_state = states[torch.arange(len(states), device=states.device), self._places][:, None]
        return outputs


def masked_lm(model: str) -> MaskedLM:
    """The masked language model of a folder, a hub id, or `world:NAME`, loaded once for each state that its folder is in.

    Raises:
        MissingError: It is not there, not complete or unreadable.
        UsageError: It fills no gaps.
    """
    folder = model_folder(model)
    return _loaded(model, folder, modified(folder))


def modified(folder: Path) -> int:
    """When any of its files was last written."""
    return max(file.stat().st_mtime_ns for file in folder.iterdir())


@lru_cache(maxsize=2)
def _loaded(model: str, folder: Path, changed: int) -> MaskedLM:
    network, tokenizer, report = load_text_model(model, folder, "AutoModelForMaskedLM", " as a masked language model")
    check_complete(report, model, type(network).__name__)
    return MaskedLM(network.to(pick_device("auto")), tokenizer)


def whole_words(tokenizer: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Token -> its word, of those that are one with a letter in it: after a blank, and elsewhere."""
    after_blank, elsewhere = {}, {}
    vocabulary = {token: index for token, index in tokenizer.get_vocab().items() if index not in tokenizer.all_special_ids}
    marks_starts = any(token.startswith(STARTS) for token in vocabulary)
    for token, index in vocabulary.items():
        word = tokenizer.convert_tokens_to_string([token]).strip()
        if not is_word(word) or not any(map(str.isalpha, word)) or token.startswith("##"):
            continue
        if not marks_starts or token.startswith(STARTS):
            after_blank[index] = word
        if not marks_starts or not token.startswith(STARTS):
            elsewhere[index] = word
    return after_blank, elsewhere
