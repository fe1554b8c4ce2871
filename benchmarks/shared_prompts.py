"""Prompts of a batch whose demonstrations begin alike: what reading each beginning once saves, by the order of the demonstrations.

Called by benchmarks/generation.py. A line an order: how many tokens the prompts have, the share of them that is read (padding counted),
and prompt tokens a second, with every prompt read whole and with beginnings read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from benchmarks.demo_retrieval import records
from benchmarks.measure import Figure, Lines, turns
from benchmarks.trie import trained_tokenizer

from robustmel.linkers.gemel.checkpoint import GemelCheckpoint, Settings
from robustmel.linkers.gemel.demos import DemoPool, Order
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix
from robustmel.linkers.gemel.prompt_reader import PromptReader
from robustmel.types import Query

RECORDS, DEMOS, BATCH, VISION = 13_000, 16, 16, 8
ORDERS: tuple[Order, ...] = ("similar_last", "pool")


class ReadingModel(LanguageModel):
    """Counts the places that prompts take, padding too."""

    read = 0

    def prefill(self, embeds: torch.Tensor, *arguments: Any, **others: Any) -> Prefix:
        """As it does, and counts."""
        self.read += embeds.shape[0] * embeds.shape[1]
        return super().prefill(embeds, *arguments, **others)


def sharing(queries: int, lines: Lines, demos: int = RECORDS, width: int = 384, layers: int = 6) -> None:
    """Reads the prompts of some queries in batches, whole and by their beginnings, and compares what is read.

    Args:
        queries: How many.
        lines: Where figures go.
        demos: In the pool.
        width: Of the language model, of random weights.
        layers: Of it.
    """
    from transformers import PreTrainedTokenizerFast

    source, pool, asked = records(demos, queries)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained_tokenizer([demo.text for demo in pool]), eos_token="<end>")
    lm = ReadingModel(_network(len(tokenizer), width, layers), tokenizer)
    mapper = torch.nn.Linear(VISION, 4 * width).requires_grad_(False)
    checkpoint = GemelCheckpoint(Settings("", "", demos=DEMOS), mapper, pool, torch.zeros(0, VISION))
    choice = DemoPool(pool, "bm25", "mention")
    batches = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
    for order in ORDERS:
        reader = PromptReader(lm, checkpoint, choice, DEMOS, room=32, order=order)

        def shared(reader: PromptReader = reader) -> torch.Tensor:
            reader.forget()
            return _read(reader, batches)

        def whole(reader: PromptReader = reader) -> torch.Tensor:
            reader.forget()
            return _read(reader, [[query] for query in asked])

        ways = {"whole": whole, "beginnings once": shared}
        with torch.no_grad():
            logits, taken = {}, {}
            for way, run in ways.items():
                lm.read = 0
                logits[way], taken[way] = run(), lm.read
            torch.testing.assert_close(*logits.values(), rtol=1e-3, atol=1e-3)
            seconds = {way: Figure.of(spent).value for way, spent in turns(ways, 1).items()}
        lines.tell(
            "robustmel",
            f"reading prompts of {DEMOS} demonstrations by shared words, batches of {BATCH}",
            order=order,
            source=source,
            queries=queries,
            tokens_of_the_prompts=taken["whole"],
            share_read=round(taken["beginnings once"] / taken["whole"], 3),
            tokens_a_second={way: round(taken["whole"] / spent) for way, spent in seconds.items()},
        )


def _network(vocabulary: int, width: int, layers: int) -> Any:
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    shape = {"hidden_size": width, "word_embed_proj_dim": width, "ffn_dim": 4 * width, "num_hidden_layers": layers}
    heads = max(1, width // 64)
    return OPTForCausalLM(OPTConfig(vocab_size=vocabulary, num_attention_heads=heads, max_position_embeddings=4096, **shape))


def _read(reader: PromptReader, batches: Sequence[Sequence[Query]]) -> torch.Tensor:
    """Logits after the prompts, (queries, V)."""
    return torch.cat([reader.read(batch, torch.zeros(len(batch), VISION)).logits for batch in batches])
