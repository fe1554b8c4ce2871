"""Beam search over the names of a trie, or over any text: for all beams of all queries of a batch at once."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix


@dataclass(frozen=True)
class Hypothesis:
    """A generated text.

    Args:
        tokens: Ids, without the end token.
        score: Sum of the log-probabilities of the tokens and the end token, divided by (their number) ** length_penalty.
        finished: It ends with the end token; False where `max_new_tokens` cut it off.
        state: In the trie, of the name that ends there; -1 without a trie.
    """

    tokens: tuple[int, ...]
    score: float
    finished: bool
    state: int


@dataclass(frozen=True)
class Generated:
    """What a search gives for one query.

    Args:
        hypotheses: At most `beams`, the best first; none is a dead end.
        broken: The language model's logits were not numbers; there are no hypotheses then.
    """

    hypotheses: tuple[Hypothesis, ...]
    broken: bool


@torch.no_grad()
def beam_search(
    lm: LanguageModel,
    prefix: Prefix,
    trie: NameTrie | None,
    beams: int = 5,
    max_new_tokens: int = 32,
    length_penalty: float = 1.0,
) -> list[Generated]:
    """The best continuations of every query.

    The same hypotheses as the transformers library's `generate` with `num_beams`, `num_return_sequences = num_beams`,
    `early_stopping = False`, and a `prefix_allowed_tokens_fn` of the trie, token for token. Log-probabilities are those of the whole
    vocabulary, not renormalised over the trie. Where `generate` fills up with impossible names (fewer names than beams, or all of
    probability 0), there are fewer hypotheses here, or none.

    Args:
        lm: The language model.
        prefix: The prompts of B queries, read by it.
        trie: What may be generated; None allows every token.
        beams: How many hypotheses live at once.
        max_new_tokens: Most tokens, the end token counted.
        length_penalty: Exponent of the length that a score is divided by; 0 compares sums.

    Returns:
        One for each of the B queries.
    """
    queries = len(prefix.logits)
    pools: list[list[Hypothesis]] = [[] for _ in range(queries)]
    broken = np.zeros(queries, np.bool_)
    query, slot, score = np.arange(queries), np.zeros(queries, np.int64), np.zeros(queries, np.float32)
    states, texts = np.full(queries, -1 if trie is None else trie.root), np.zeros((queries, 0), np.int64)
    for length in range(1, max_new_tokens + 1):
        log_probs = prefix.logits.log_softmax(-1)
        broken[query[log_probs.isnan().any(-1).numpy(force=True)]] = True
        if trie is not None:
            log_probs = _allowed(log_probs, trie, states, lm.end)
        row, token, total = _best(log_probs + log_probs.new_tensor(score)[:, None], query, slot, (queries, beams))
        total[broken] = -np.inf
        ends = token == lm.end
        for q, rank in np.argwhere(np.isfinite(total[:, :beams]) & (ends[:, :beams] | (length == max_new_tokens))).tolist():
            text, state, finished = texts[row[q, rank]], states[row[q, rank]], bool(ends[q, rank])
            if not finished:
                text, state = np.append(text, token[q, rank]), _step(trie, state, token[q, rank])
            normalised = float(total[q, rank] / length**length_penalty)
            pools[q].append(Hypothesis(tuple(text.tolist()), normalised, finished, int(state)))
        pools = [sorted(pool, key=lambda hypothesis: -hypothesis.score)[:beams] for pool in pools]
        total[ends] = -np.inf
        order = np.argsort(-total, axis=1, kind="stable")[:, :beams]
        total = np.take_along_axis(total, order, 1)
        worst = np.array([pool[-1].score if len(pool) == beams else -np.inf for pool in pools], np.float32)
        total[total[:, 0] / length**length_penalty <= worst] = -np.inf  # what `early_stopping = False` takes for hopeless
        query, slot = np.nonzero(np.isfinite(total))
        if length == max_new_tokens or not len(query):
            break
        parents, tokens = row[query, order[query, slot]], token[query, order[query, slot]]
        score, states = total[query, slot], _step(trie, states[parents], tokens)
        texts = np.concatenate((texts[parents], tokens[:, None]), 1)
        prefix = lm.extend(prefix, torch.from_numpy(tokens), torch.from_numpy(parents))
    return [Generated(() if nan else tuple(pool), bool(nan)) for pool, nan in zip(pools, broken, strict=True)]


def _allowed(log_probs: Tensor, trie: NameTrie, states: NDArray[np.int64], end: int) -> Tensor:
    """The log-probabilities of the tokens by which each beam stays in the trie or ends a name; -inf elsewhere."""
    offsets, tokens, _ = trie.children(states)
    ending = np.flatnonzero(trie.ends(states))
    rows = np.concatenate((np.repeat(np.arange(len(states)), np.diff(offsets)), ending))
    places = torch.from_numpy(rows), torch.from_numpy(np.concatenate((tokens, np.full(len(ending), end))))
    kept = torch.full_like(log_probs, -torch.inf)
    kept[places] = log_probs[places]
    return kept


def _best(
    totals: Tensor, query: NDArray[np.int64], slot: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The best continuations of every query, twice as many as beams: half of them may end.

    Args:
        totals: (N, V): of every continuation of every live beam.
        query: (N,): whose beam it is.
        slot: (N,): its place among that query's beams.
        shape: Number of queries, number of beams.

    Returns:
        Three arrays (queries, 2 * beams), descending: the live beam, the token, the total (-inf where there is nothing).
    """
    queries, beams = shape
    width = min(2 * beams, totals.shape[1])
    values, tokens = totals.topk(width)
    table = totals.new_full((queries, beams, width), -torch.inf)
    table[torch.from_numpy(query), torch.from_numpy(slot)] = values
    best, places = (part.numpy(force=True) for part in table.flatten(1).topk(min(2 * beams, beams * width)))
    rows = np.zeros(shape, np.int64)
    rows[query, slot] = np.arange(len(query))
    row = np.take_along_axis(rows, places // width, 1)
    return row, tokens.numpy(force=True)[row, places % width], best


def _step(trie: NameTrie | None, states: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    return states if trie is None else trie.step(states, tokens)
