"""Demonstrations for 2,000 queries out of 13,000 records, beside what GEMEL's published code does and beside rank_bm25.

JSON lines: one a job and library with its processor milliseconds a query (medians over repetitions that take turns), and last, for
each job, {"library": "ratio", "job": ..., "value": peer's cost / ours}.

    python benchmarks/demo_retrieval.py [--quick] [--check]

Records are those of Wikidata-MEL where ../shared/bench/mel_data.py lies beside the checkout, else they are drawn from syllables.
Dense: the peer embeds one query at a time, compares it with the whole pool by scikit-learn and sorts all records; ours embeds and
compares many at once and sorts the best. Both read the same embeddings of the pool, made before and not timed. The encoder is a BERT of
random weights; its size decides the figure, so it is stated, and the share of the search alone is shown beside. BM25: both indices are
built before, over the same words. Peers answer fewer queries, as each costs them the same. Dense demonstrations must be as near as the peer's.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Figure, Lines, turns
from benchmarks.trie import MEL_DATA, drawn_names, mel_data, trained_tokenizer

from robustmel.linkers.gemel.checkpoint import Demo
from robustmel.linkers.gemel.demos import DemoPool
from robustmel.linkers.sentence_encoder import sentence_tower
from robustmel.linkers.text_tower import TextTower
from robustmel.retrieval.word_index import words
from robustmel.types import Query

DEMOS, REPETITIONS = 16, 3
WIDTH, LAYERS, TOKENS = 384, 2, 32
PEERS = {"dense": 100, "bm25": 20}
"""Queries that the peer answers."""


def records(count: int, queries: int) -> tuple[str, list[Demo], list[Query]]:
    """Where the records come from, the pool, and the queries."""
    source, pairs = "mel_data", real_records() if MEL_DATA.exists() else []
    if len(pairs) < count + queries:
        source, pairs = "syllables", drawn_records(count + queries)
    demos = [Demo(mention, text, mention, id=f"d{place}") for place, (mention, text) in enumerate(pairs[:count])]
    asked = pairs[count : count + queries]
    return source, demos, [Query(f"q{place}", text, mention, None, None, None) for place, (mention, text) in enumerate(asked)]


def real_records() -> list[tuple[str, str]]:
    """Mentions and sentences of Wikidata-MEL, shuffled."""
    pairs = [(record["mention"], record["text"]) for record in mel_data().records()]
    random.Random(0).shuffle(pairs)
    return pairs


def drawn_records(count: int) -> list[tuple[str, str]]:
    """Names in sentences of words that recur as they do in texts."""
    draw = random.Random(0)
    vocabulary = [f"word{number}" for number in range(20_000)]
    likely = [1 / (rank + 10) for rank in range(len(vocabulary))]
    around = [[draw.choices(vocabulary, likely, k=draw.randint(4, 12)) for _ in range(2)] for _ in range(count)]
    names = drawn_names(count)
    return [(name, " ".join((*before, name, *after))) for name, (before, after) in zip(names, around, strict=True)]


def save_encoder(folder: Path, names: Sequence[str]) -> None:
    """A BERT of random weights and its tokenizer."""
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained_tokenizer(names), model_max_length=TOKENS)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    torch.manual_seed(0)
    shape = {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": WIDTH // 64,
    }
    BertModel(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


class Peer:
    """One query at a time.

    Args:
        network: The sentence encoder.
        tokenizer: Of the encoder.
        pool: Its embeddings of the pool, (N, D).
    """

    def __init__(self, network: Any, tokenizer: Any, pool: np.ndarray[Any, Any]) -> None:
        self.network, self.tokenizer, self.pool = network, tokenizer, pool

    @torch.no_grad()
    def choose(self, queries: Sequence[Query]) -> list[list[int]]:
        """The best demonstrations, the most similar last."""
        from sklearn.metrics.pairwise import cosine_similarity

        chosen = []
        for query in queries:
            read = self.tokenizer([query.surface], padding=True, truncation=True, return_tensors="pt")
            embedded = self.network(input_ids=read["input_ids"], attention_mask=read["attention_mask"]).pooler_output
            similarities = cosine_similarity(embedded.numpy(), self.pool)[0]
            ranked: list[int] = np.argsort(similarities).tolist()
            chosen.append(ranked[-DEMOS:])
        return chosen


def dense(demos: list[Demo], asked: list[Query], folder: Path, lines: Lines) -> None:
    from transformers import AutoModel, AutoTokenizer

    save_encoder(folder, [demo.mention for demo in demos])

    def tower() -> TextTower:
        return sentence_tower(str(folder), torch.device("cpu"))

    pool = DemoPool(demos, "dense", "mention", tower().embed)
    assert pool.known is not None
    few = asked[: PEERS["dense"]]
    network, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    peer = Peer(network, tokenizer, pool.known.vectors[pool.known.rows].numpy())
    warm, forgetful = tower(), [tower() for _ in range(REPETITIONS + 2)]
    warm.embed([query.surface for query in asked])

    def ours(embed: Any) -> list[list[int]]:
        return DemoPool(demos, "dense", "mention", embed, pool.known).choose(asked, DEMOS)

    told(
        "dense",
        {
            "gemel's way": (lambda: peer.choose(few), len(few)),
            "robustmel": (lambda: ours(forgetful.pop().embed), len(asked)),  # a tower that has embedded nothing yet
            "robustmel, search alone": (lambda: ours(warm.embed), len(asked)),
        },
        lines,
        encoder=f"BERT, {LAYERS} layers of {WIDTH}, random weights",
        distinct_mentions=len({query.surface for query in asked}),
    )
    similarity = torch.nn.functional.normalize(warm.embed([query.surface for query in few]), dim=-1).numpy() @ peer.pool.T
    values = [
        [sorted(np.round(row[places], 3).tolist()) for row, places in zip(similarity, chosen, strict=False)]
        for chosen in (peer.choose(few), ours(warm.embed))
    ]
    same = float(np.mean(np.isclose(*values, atol=2e-3)))  # many records are equally near: theirs are in any order
    lines.tell("robustmel", "dense, as near as the peer's demonstrations", share=round(same, 4))
    lines.expect("dense", f"{same:.3f} of the demonstrations are as near as the peer's, at least 0.999", same >= 0.999)


def lexical(demos: list[Demo], asked: list[Query], lines: Lines) -> None:
    from rank_bm25 import BM25Okapi

    pool = DemoPool(demos, "bm25", "sentence", lambda texts: torch.zeros(len(texts), 1))
    peer = BM25Okapi([words(demo.text) for demo in demos])
    few = asked[: PEERS["bm25"]]

    def theirs() -> list[list[int]]:
        scores = (peer.get_scores(words(query.text)) for query in few)
        return [np.argsort(row, kind="stable")[-DEMOS:].tolist() for row in scores]

    told(
        "bm25",
        {"rank_bm25": (theirs, len(few)), "robustmel": (lambda: pool.choose(asked, DEMOS), len(asked))},
        lines,
        words_a_query=round(float(np.mean([len(query.text.split()) for query in asked])), 1),
    )
    shares = [len({*one} & {*other}) / DEMOS for one, other in zip(theirs(), pool.choose(few, DEMOS), strict=True)]
    lines.tell("robustmel", "bm25, same demonstrations although the formulas differ", share=round(float(np.mean(shares)), 4))


def told(job: str, ways: dict[str, tuple[Any, int]], lines: Lines, **about: Any) -> None:
    """A line a way, and the ratio of the first to the second."""
    taken = turns({name: run for name, (run, _) in ways.items()}, REPETITIONS)
    cost = {name: Figure.of(taken[name]).value / count * 1e3 for name, (_, count) in ways.items()}
    for name, (_, count) in ways.items():
        lines.tell(name, job, ms_a_query=round(cost[name], 3), queries=count, **about)
    peer, ours = list(ways)[:2]
    bound = BOUNDS[job]
    lines.ratio(job, cost[peer], cost[ours], peer=peer)
    lines.expect(job, f"{cost[peer] / cost[ours]:.1f} times {peer}'s speed, at least {bound}", cost[peer] >= bound * cost[ours])


BOUNDS = {"dense": 20, "bm25": 50}
"""Times the peer's speed, at least."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 records, 200 queries")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    asked = parser.parse_args()
    source, demos, queries = records(*((2_000, 200) if asked.quick else (13_000, 2_000)))
    torch.set_num_threads(1)
    lines = Lines(threads=1, records=len(demos), source=source)
    with tempfile.TemporaryDirectory() as folder:
        dense(demos, queries, Path(folder), lines)
    lexical(demos, queries, lines)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
