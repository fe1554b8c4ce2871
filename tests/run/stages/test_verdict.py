from __future__ import annotations

import pytest
import torch

from robustmel.kb import KnowledgeBase
from robustmel.run.stages.verdict import unattackable, wrong
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
