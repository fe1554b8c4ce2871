"""How surprised a causal language model is by a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from robustmel.defences.detectors.contract import Suspicion
from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.language_model import LanguageModel
from robustmel.linkers.gemel.prompt_tokens import tokenized
from robustmel.linkers.weights import weight_files
from robustmel.types import Mention

TOKENS = 8192
"""Tokens read at a time, padding included."""


@dataclass(frozen=True)
class CausalLMDetector:
    """What detectors have that ask a causal language model about each record alone.

    Args:
        language_model: A folder in the Hugging Face layout, a hub id or `world:NAME`.
        device: Where it runs.
    """

    language_model: str = "world:opt-world"
    device: str = "auto"

    version: ClassVar[int] = 1
    by_record: ClassVar[bool] = True

    @classmethod
    def assets(cls, language_model: str, **others: Any) -> tuple[Path, ...]:
        """The files of the language model."""
        return weight_files(language_model)


@dataclass(frozen=True)
class Perplexity(CausalLMDetector):
    """Scores a record by the perplexity of its text under a causal language model (Wallace et al., 2021).

    Args:
        language_model: A folder in the Hugging Face layout, a hub id or `world:NAME`.
        device: Where it runs.

    Source:
        Wallace et al., "Concealed Data Poisoning Attacks on NLP Models", NAACL 2021, section 5.
    """

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """The logarithm of the perplexity; NaN for a text without a token."""
        return log_perplexities([record.text for record in records], self.language_model, self.device)


def log_perplexities(texts: Sequence[str], language_model: str, device: str = "auto") -> Suspicion:
    """The mean of -log p over the tokens of each text, and over nothing else: float64 (n,), NaN for a text without a token.

    Every token counts, the first one after the model's start token (its end token where it has none, as with GPT-2); padding never
    does. Longer texts than the model reads are scored up to its context.
    """
    files = tuple((path, path.stat().st_mtime_ns) for path in weight_files(language_model))
    lm = _loaded(language_model, device, files)
    distinct = list(dict.fromkeys(texts))
    start, context = lm.end if lm.start is None else lm.start, lm.context or 2**31
    sequences = [[start, *ids][:context] for ids in tokenized(lm.tokenizer, distinct)]
    known: dict[str, float] = {}
    for rows in _batches(sequences):
        means = _means(lm, [sequences[row] for row in rows])
        known.update((distinct[row], mean) for row, mean in zip(rows, means, strict=True))
    return np.array([known[text] for text in texts], dtype=np.float64)


@lru_cache(maxsize=1)
def _loaded(language_model: str, device: str, files: tuple[tuple[Path, int], ...]) -> LanguageModel:
    """Loaded once for each state its files are in: an attack comes back to it."""
    return LanguageModel.load(language_model, device=device)


@torch.no_grad()
def _means(lm: LanguageModel, sequences: Sequence[Sequence[int]]) -> list[float]:
    """Padded on the right, where a causal model never looks."""
    longest = max(map(len, sequences))
    ids = torch.tensor([[*sequence, *[0] * (longest - len(sequence))] for sequence in sequences], device=lm.device)
    counts = torch.tensor([len(sequence) - 1 for sequence in sequences], device=lm.device)
    mask = torch.arange(longest, device=lm.device) <= counts[:, None]
    logits = lm.network(input_ids=ids, attention_mask=mask.long(), use_cache=False).logits[:, :-1].float()
    losses = cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none").masked_fill(~mask[:, 1:], 0.0)
    means: list[float] = (losses.double().sum(1) / counts).tolist()
    return means


def _batches(sequences: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows of about equal length, of at most `TOKENS` tokens together."""
    batches: list[list[int]] = []
    for row in sorted(range(len(sequences)), key=lambda row: len(sequences[row])):
        if not batches or (len(batches[-1]) + 1) * len(sequences[row]) > TOKENS:
            batches.append([])
        batches[-1].append(row)
    return batches
