"""What was written becomes entities: only what stands first is an answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.answers import written_entities
from robustmel.linkers.gemel.beam_search import Generated, Hypothesis
from robustmel.types import Entity, Prediction, Query

KB = KnowledgeBase([Entity("a", "A"), Entity("b", "B"), Entity("c", "B")])
NAMES: Any = SimpleNamespace(text="".join, of_text=lambda text: {"A": [0], "B": [1, 2]}.get(text, []))


def answer(*texts: str, candidates: tuple[str, ...] | None = None) -> Prediction:
    """Of texts written freely, each a point less likely than the one before."""
    hypotheses = tuple(Hypothesis(tuple(text), -1.0 - place, True, -1) for place, text in enumerate(texts))  # type: ignore[arg-type]
    query = Query("q", "", "", None, None, candidates)
    return written_entities(query, Generated(hypotheses, False), NAMES, KB, prefix_tree=False, read=7)


def test_all_entities_of_a_written_name_answer_with_its_score() -> None:
    answered = answer("B", "xyz", "A")
    assert (answered.ranked, answered.scores, answered.status) == (("b", "c", "a"), (-1.0, -1.0, -3.0), "ok")
    assert (answered.text, answered.usage.tokens_read, answered.usage.tokens_written) == ("B", 7, 4)
    assert answer("B", "A", candidates=("c",)).ranked == ("c",)


@pytest.mark.parametrize(("texts", "candidates"), [(("xyz", "A"), None), (("A", "B"), ("b",))])
def test_where_the_best_text_is_no_candidate_s_name_later_ones_do_not_count(
    texts: tuple[str, ...], candidates: tuple[str, ...] | None
) -> None:
    answered = answer(*texts, candidates=candidates)
    assert (answered.ranked, answered.status, answered.text) == ((), "unknown_name", texts[0])


def test_nothing_written_and_logits_that_are_no_numbers() -> None:
    assert (answer().status, answer().error) == ("dead_end", None)
    query = Query("q", "", "", None, None, None)
    assert written_entities(query, Generated((), True), NAMES, KB, prefix_tree=False, read=7).error == "non_finite"
