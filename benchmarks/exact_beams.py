"""How often the best of five beams is not the best name: the embedded GEMEL beside the proof of exact search, over all names.

Called by benchmarks/generation.py; one line.
"""

from __future__ import annotations

from typing import Any

import torch
from benchmarks.measure import Figure, Lines

import robustmel
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.exact_search import exact_search

BEAMS, LIMIT, BUDGET = 5, 32, 100_000


@torch.no_grad()
def against_the_proof(count: int, lines: Lines, name: str = "gemel-news", data: str = "world-news") -> None:
    """Asks a GEMEL about the first test mentions of a data set, by beams and by exact search that begins with the beams' best name."""
    mentions = robustmel.load_dataset(data, split="test")[:count]
    linker: Any = robustmel.load_linker(name, mentions, device="cpu")
    lm, trie, extend, read = linker.lm, linker.names.trie, linker.lm.extend, [0]

    def counted(prefix: Any, tokens: torch.Tensor, parents: torch.Tensor | None = None) -> Any:
        read[0] += len(tokens)
        return extend(prefix, tokens, parents)

    lm.extend = counted
    wrong = proved = within = 0
    times = []
    for mention in mentions:
        query = mention.query(mentions.name, None)
        prompt = linker.prompts.read([query], linker.vision.picture_features([linker.vision.read(mention.image)]))
        read[0] = 0
        best = beam_search(lm, prompt, trie, BEAMS, LIMIT)[0].hypotheses[0]
        spent = read[0]
        exact = exact_search(lm, prompt, trie, 0, 1.0, BUDGET, known=best)
        assert exact.best is not None
        wrong += exact.best.score > best.score + 1e-5
        proved += exact.proved
        within += exact.proved and exact.evaluations <= 3 * spent
        times.append(exact.evaluations / spent)
    lines.tell(
        "robustmel",
        f"the best of {len(trie):,} names, {name} on {data}",
        queries=len(times),
        beams_wrong=wrong,
        proved=proved,
        proved_within_three_times=within,
        times_the_beams=round(Figure.of(times).value, 2),
        times_at_most=round(max(times), 2),
    )
