"""Scores of listed names: their log-probabilities after a prompt that is read once, differentiable down to its embeddings."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from robustmel.linkers.gemel.language_model import LanguageModel, Prefix

CHUNK = 50_000_000
"""Most numbers that the logits, or the cache, of the names read at once may hold (200 MB in float32); one name is always read."""

Names = Sequence[Sequence[int]]


def name_scores(
    lm: LanguageModel, prefix: Prefix, names: Sequence[Names], length_penalty: float = 1.0, chunk: int = CHUNK
) -> Tensor:
    """How likely each query's names are, as beam search scores them.

    Args:
        lm: The language model.
        prefix: The prompts of B queries, read by it.
        names: For each query, the token ids of its names, without the end token. A name without tokens is the end token alone.
        length_penalty: Exponent of the length (end token counted) that the sum of log-probabilities is divided by.
        chunk: As `CHUNK`. While gradients are kept, all chunks stay in memory.

    Returns:
        (B, C), float32, C names in the longest list: scores, -inf where lists are shorter. NaN where the logits are no numbers.
    """
    scores = prefix.logits.new_full((len(names), max(map(len, names), default=0)), -torch.inf)
    listed = [(query, place, tuple(name)) for query, row in enumerate(names) for place, name in enumerate(row)]
    listed.sort(key=lambda entry: len(entry[2]))  # names of like length share a chunk
    first = prefix.logits.log_softmax(-1)
    held = prefix.mask.shape[1] * sum(layer.keys[0].numel() // layer.keys.shape[-2] * 2 for layer in prefix.cache.layers)
    for part in _chunks(listed, chunk, first.shape[1], held):
        queries = torch.tensor([query for query, _, _ in part], device=first.device)
        lengths = torch.tensor([len(name) for _, _, name in part], device=first.device)
        longest = len(part[-1][2])
        padded = [[*name, lm.end, *[lm.end] * (longest - len(name))] for _, _, name in part]
        targets = torch.tensor(padded, device=first.device)
        log_probs = first[queries].gather(1, targets[:, :1])
        if longest:
            read = torch.arange(longest, device=first.device) < lengths[:, None]
            following = lm.follow(prefix, targets[:, :-1], read, queries).log_softmax(-1)
            later = following.gather(2, targets[:, 1:, None])[..., 0]
            log_probs = torch.cat((log_probs, torch.where(read, later, 0)), 1)
        places = torch.tensor([place for _, place, _ in part], device=first.device)
        scores = scores.index_put((queries, places), log_probs.sum(1) / (lengths + 1) ** length_penalty)
    return scores


def listed_scores(
    lm: LanguageModel, prefix: Prefix, names: Sequence[Sequence[tuple[int, ...]]], length_penalty: float
) -> Tensor:
    """As `name_scores`, every distinct name scored once; names without tokens cannot be written and hold minus infinity."""
    distinct = [list(dict.fromkeys(name for name in row if name)) for row in names]
    scores = name_scores(lm, prefix, distinct, length_penalty)
    columns = torch.full((len(names), max(map(len, names), default=0)), scores.shape[1])
    for row, (own, scored) in enumerate(zip(names, distinct, strict=True)):
        column = {name: index for index, name in enumerate(scored)}
        columns[row, : len(own)] = torch.tensor([column.get(name, scores.shape[1]) for name in own])
    return pad(scores, (0, 1), value=-torch.inf).gather(1, columns.to(scores.device))


def _chunks(
    listed: list[tuple[int, int, tuple[int, ...]]], most: int, vocabulary: int, held: int
) -> Iterator[list[tuple[int, int, tuple[int, ...]]]]:
    """Names in turn, as many at once as memory is allowed for."""
    start = 0
    while start < len(listed):
        stop = start + 1
        while stop < len(listed) and (stop + 1 - start) * max(held, vocabulary * len(listed[stop][2])) <= most:
            stop += 1
        yield listed[start:stop]
        start = stop
