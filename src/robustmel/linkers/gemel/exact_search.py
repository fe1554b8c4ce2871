"""The best name of a trie, proved: best-first branch and bound, so that errors of the beam are told from errors of the linker."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.beam_search import Hypothesis
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix

OPEN = np.dtype([("bound", "f8"), ("total", "f8"), ("state", "i8"), ("token", "i8"), ("parent", "i8"), ("depth", "i8")])
"""A state that is still to be read: what names below it can score at most, its log-probability, the token that leads to it, the
number of the state before it among those that were read (-1 for the root), and its number of tokens."""


@dataclass(frozen=True)
class Exact:
    """What an exact search gives for one query.

    Args:
        best: The best name that was met; None where there is none.
        proved: No name of the trie has a higher score.
        evaluations: Tokens that the language model read, the prompt's not counted.
        broken: The language model's logits were not numbers.
    """

    best: Hypothesis | None
    proved: bool
    evaluations: int
    broken: bool


@torch.no_grad()
def exact_search(
    lm: LanguageModel,
    prefix: Prefix,
    trie: NameTrie,
    query: int = 0,
    length_penalty: float = 1.0,
    budget: int = 10_000,
    width: int = 8,
    known: Hypothesis | None = None,
) -> Exact:
    """The name of highest score after one prompt.

    The bound: let s be the sum of log-probabilities on the way to a state. Later tokens only lower it, so a name of n tokens (end
    token counted) below the state scores at most s / n ** length_penalty. As s is not positive, this is highest where
    n ** length_penalty is: at the longest name below the state for a positive penalty, at the shortest possible one for a negative
    penalty. States whose bound is not above the best score so far are given up; when none is left, the best name is proved.

    Args:
        lm: The language model.
        prefix: Prompts read by it.
        trie: The names.
        query: Which of the prompts.
        length_penalty: As in `beam_search`.
        budget: Most tokens that the language model may read.
        width: Most states of one depth that are read at once. 1 reads the fewest states, more of them use the processor better.
        known: A name of known score (the beam's best) to begin with.

    Returns:
        The best name, or the best one met when the budget was spent.
    """
    entries = _Entries()
    best_score, best_state, spent = (-np.inf, -1, 0) if known is None else (known.score, known.state, 0)
    frontier, read, numbers = np.zeros(0, OPEN), np.zeros(1, OPEN), np.array([-1])  # the prompt has read the root
    log_probs = prefix.logits[query : query + 1].log_softmax(-1).double()
    while not (broken := bool(log_probs.isnan().any())):
        totals = read["total"] + log_probs[:, lm.end].numpy(force=True)
        scores = np.where(trie.ends(read["state"]), totals / (read["depth"] + 1.0) ** length_penalty, -np.inf)
        if scores.max() > best_score:
            best_score, best_state = float(scores.max()), int(read["state"][scores.argmax()])
        frontier = np.concatenate((frontier, _children(trie, read, numbers, log_probs, length_penalty)))
        frontier = frontier[frontier["bound"] > best_score]
        if not len(frontier) or spent >= budget:
            break
        level = np.flatnonzero(frontier["depth"] == frontier["depth"][frontier["bound"].argmax()])
        highest = np.argsort(-frontier["bound"][level], kind="stable")[: min(width, budget - spent)]
        read, frontier = frontier[level[highest]], np.delete(frontier, level[highest])
        before = lm.rebuild(prefix, torch.full((len(read),), query), entries.before(read["parent"]))
        grown = lm.extend(before, torch.from_numpy(read["token"].copy()))
        numbers, spent = entries.add(read["parent"], grown), spent + len(read)
        log_probs = grown.logits.log_softmax(-1).double()
    best = Hypothesis(trie.tokens(best_state), best_score, True, best_state) if best_state >= 0 and not broken else None
    return Exact(best, not broken and not len(frontier), spent, broken)


def _children(
    trie: NameTrie, read: NDArray[np.void], numbers: NDArray[np.int64], log_probs: Tensor, length_penalty: float
) -> NDArray[np.void]:
    """The states that follow those that were read."""
    offsets, tokens, following = trie.children(read["state"])
    rows = np.repeat(np.arange(len(read)), np.diff(offsets))
    children = np.zeros(len(following), OPEN)
    children["state"], children["token"], children["parent"] = following, tokens, numbers[rows]
    children["depth"] = read["depth"][rows] + 1
    places = torch.from_numpy(rows), torch.from_numpy(tokens)
    children["total"] = read["total"][rows] + log_probs[places].numpy(force=True)
    shortest = children["depth"] + 1.0
    longest = shortest + trie.heights(following)
    children["bound"] = children["total"] / np.maximum(shortest**length_penalty, longest**length_penalty)
    return children


class _Entries:
    """Keys and values of every token that was read after the prompt; the prompt's own are not copied."""

    def __init__(self) -> None:
        self._parents = np.zeros(0, np.int64)
        self._layers: list[tuple[Tensor, Tensor]] = []

    def add(self, parents: NDArray[np.int64], grown: Prefix) -> NDArray[np.int64]:
        """Keeps the last token of each sequence; returns the numbers that they are known by from then on."""
        count, self._parents = len(self._parents), np.concatenate((self._parents, parents))
        last = grown.last()
        if len(self._parents) > (len(self._layers[0][0]) if self._layers else 0):  # make room for twice as many
            room = [tuple(part.new_empty(2 * len(self._parents), *part.shape[1:]) for part in layer) for layer in last]
            for layer, kept in zip(room, self._layers, strict=False):
                for part, old in zip(layer, kept, strict=True):
                    part[:count] = old[:count]
            self._layers = [(keys, values) for keys, values in room]
        for kept, layer in zip(self._layers, last, strict=True):
            for part, new in zip(kept, layer, strict=True):
                part[count : len(self._parents)] = new
        return np.arange(count, len(self._parents))

    def before(self, parents: NDArray[np.int64]) -> tuple[tuple[Tensor, Tensor], ...]:
        """The entries from the prompt to each of these tokens, which have one depth; none for the root, -1."""
        ways: list[NDArray[np.int64]] = []
        while parents[0] >= 0:
            ways.insert(0, parents)
            parents = self._parents[parents]
        if not ways:
            return ()
        tokens = torch.from_numpy(np.stack(ways, 1))
        return tuple(
            (keys[tokens, :, 0].transpose(1, 2), values[tokens, :, 0].transpose(1, 2)) for keys, values in self._layers
        )
