"""From what a language model wrote, or how likely it found names, to answers."""

from dataclasses import replace

import torch
from torch import Tensor

from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.beam_search import Generated
from robustmel.linkers.gemel.entity_names import EntityNames
from robustmel.linkers.ranking import ranking
from robustmel.types import Prediction, Query, Usage


def ranked_candidates(query: Query, scores: Tensor, kb: KnowledgeBase) -> Prediction:
    """The listed candidates by score; those of minus infinity, whose names cannot be written, are left out."""
    own = scores[: len(query.listed)]
    written = [candidate for candidate, score in zip(query.listed, own.tolist(), strict=True) if score != -torch.inf]
    ranked = ranking(replace(query, candidates=tuple(written)), own[own != -torch.inf])
    if ranked.error:
        return ranked
    return replace(ranked, text=kb[ranked.ranked[0]].name) if ranked.ranked else replace(ranked, status="dead_end")


def written_entities(
    query: Query, result: Generated, names: EntityNames, kb: KnowledgeBase, prefix_tree: bool, read: int
) -> Prediction:
    """The entities that bear the written names, best first; those of one name in the order of the knowledge base.

    Args:
        query: If it lists candidates, no others are answered.
        result: What the search gave.
        names: Of the knowledge base.
        kb: The entities.
        prefix_tree: The search went along the trie of the names.
        read: Tokens of the prompt.

    Returns:
        The answer is the best text alone: where that is no name of a candidate, later ones do not count ("unknown_name").
    """
    if result.broken:
        return Prediction(query.id, error="non_finite")
    texts = [names.text(hypothesis.tokens) for hypothesis in result.hypotheses]
    usage = Usage(1, read, max((len(hypothesis.tokens) + 1 for hypothesis in result.hypotheses), default=0))
    ranked: dict[str, float] = {}
    for text, hypothesis in zip(texts, result.hypotheses, strict=True):
        places = names.trie.names(hypothesis.state).tolist() if prefix_tree else names.of_text(text)
        for entity in (kb.ids[place] for place in places):
            if query.candidates is None or entity in query.candidates:
                ranked.setdefault(entity, hypothesis.score)
        if not ranked:
            break
    status = "ok" if ranked else "unknown_name" if texts else "dead_end"
    return Prediction(query.id, tuple(ranked), tuple(ranked.values()), text="".join(texts[:1]), status=status, usage=usage)
