from __future__ import annotations

import pytest
import torch

from robustmel.kb import KnowledgeBase
from robustmel.run.stages.verdict import Margins, unattackable, wrong
from robustmel.types import Entity, Query

INF = float("inf")


@pytest.mark.parametrize(
    ("scores", "fooled"),
    [
        ([1.0, 0.5, 0.2], False),
        ([1.0, 1.1, 0.2], True),
        ([1.0, 1.0, 0.2], False),  # a tie displaces nobody: the two share the credit
        ([1.0, 1.0, 1.0], False),
        ([1.0, 0.5, -INF], False),
        ([1.0, -INF, -INF], False),
        ([float("nan"), 1.0, 0.0], False),
        ([1.0, float("nan"), 0.0], False),
    ],
)
def test_fooled_is_whose_right_candidate_stands_below_another(scores: list[float], fooled: bool) -> None:
    assert wrong(torch.tensor([scores, scores[::-1]]), torch.tensor([0, 2])).tolist() == [fooled] * 2


def test_there_must_be_somebody_to_displace() -> None:
    kb = KnowledgeBase([Entity("a", "a"), Entity("b", "b")])

    def query(*candidates: str) -> Query:
        return Query("q", "", "", None, None, candidates or None)

    assert unattackable(query("a", "b"), "a", kb) is None
    assert unattackable(query(), "b", kb) is None
    assert unattackable(query("a", "b"), None, kb) == "skipped:gold_is_nil"
    assert unattackable(query("b"), "a", kb) == "skipped:gold_not_among_candidates"
    assert unattackable(query("a"), "a", kb) == "skipped:one_candidate"


def test_the_margin_is_the_lead_over_the_best_rival_and_a_candidate_that_always_ties_is_none() -> None:
    scores = {
        "clean": [2.0, 2.0, 1.0, -INF],
        "edited": [1.0, 1.0, 3.0, -INF],
        "parted": [1.0, 2.0, 0.0, -INF],
        "back": [2.0, 2.0, 1.0, -INF],
    }
    kb = KnowledgeBase([Entity(name, name) for name in "abc"])
    margins = Margins(lambda queries: torch.tensor([scores[query.text] for query in queries]), kb)
    for candidates in (("a", "b", "c"), None):
        queries = [Query(str(candidates), text, "", None, None, candidates) for text in scores]
        # b reads like a until their scores part; from then on it is a rival, and level with a
        assert margins(queries, ["a"] * 4).tolist() == [1.0, -2.0, -1.0, 0.0]


def test_a_query_of_which_nothing_is_a_number_has_no_margin_and_one_without_rivals_cannot_lose() -> None:
    kb = KnowledgeBase([])
    margins = Margins(lambda queries: torch.tensor([[torch.nan] * 2, [1.0, 1.0]]), kb)
    unanswered, level = margins([Query(name, "", "", None, None, ("a", "b")) for name in "pq"], ["a", "b"]).tolist()
    assert unanswered != unanswered
    assert level == INF
