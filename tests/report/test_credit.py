from __future__ import annotations

import itertools
import math
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.report.credit import KS, credited, failure, gold_rank, over_seeds, worst
from robustmel.types import Prediction

SCORES = st.lists(st.sampled_from([-math.inf, -1.5, 0.0, 0.25, 1.0, 3.0]), max_size=6)


def said(*scores: float, error: str | None = None) -> Prediction:
    return Prediction("m", tuple(f"e{index}" for index in range(len(scores))), scores, error)


@pytest.mark.parametrize(
    ("scores", "credit"),
    [
        ((3.0, 2.0, 1.0), 1.0),
        ((2.0, 3.0, 1.0), 0.0),
        ((3.0, 3.0, 1.0), 1 / 2),
        ((3.0, 3.0, 3.0), 1 / 3),
        ((1.0, 3.0, 3.0), 0.0),
    ],
)
def test_those_who_share_the_highest_score_share_the_credit(scores: tuple[float, ...], credit: float) -> None:
    assert gold_rank("e0", said(*scores)).hits(1) == pytest.approx(credit)


@given(SCORES.filter(len), st.integers(0, 5))
def test_hits_and_reciprocal_rank_are_means_over_every_way_to_break_the_ties(scores: list[float], gold: int) -> None:
    """The definition itself: sort by score, try every order of the candidates, average."""
    gold %= len(scores)
    where = gold_rank(f"e{gold}", said(*scores))
    ranks = []
    for order in itertools.permutations(range(len(scores))):
        ranked = sorted(order, key=lambda index: -scores[index])  # stable, so the order breaks the ties
        ranks.append(ranked.index(gold) + 1)
    for k in KS:
        assert where.hits(k) == pytest.approx(fmean(rank <= k for rank in ranks))
    assert where.reciprocal() == pytest.approx(fmean(1 / rank for rank in ranks))
    assert where.rank() == pytest.approx(fmean(ranks))


@given(st.permutations(range(5)), SCORES.filter(lambda scores: len(scores) == 5))
def test_the_order_of_candidates_changes_nothing(order: list[int], scores: list[float]) -> None:
    straight = said(*scores)
    turned = Prediction("m", tuple(straight.ranked[index] for index in order), tuple(scores[index] for index in order))
    assert gold_rank("e2", turned) == gold_rank("e2", straight)


def test_nil_is_right_only_where_nothing_was_ranked_and_nothing_failed() -> None:
    assert gold_rank(None, said()).hits(1) == 1
    assert gold_rank(None, said(0.5)).hits(1) == 0
    assert gold_rank(None, said(error="image_decode")).hits(1) == 0


def test_a_gold_entity_that_was_not_ranked_earns_nothing_and_has_no_rank() -> None:
    where = gold_rank("elsewhere", said(2.0, 1.0))
    assert (where.hits(10), where.reciprocal(), where.rank()) == (0, 0, math.inf)


def test_an_error_earns_nothing_even_beside_an_answer() -> None:
    assert gold_rank("e0", said(2.0, 1.0, error="no_image")).hits(10) == 0


def test_nan_scores_are_a_failure_and_no_answer() -> None:
    assert failure(said(math.nan, 1.0)) == "nan_scores"
    assert gold_rank("e1", said(math.nan, 1.0)).hits(10) == 0


def test_a_failure_is_told_without_the_path_in_it() -> None:
    assert failure(Prediction("m", error="linker: OSError: [Errno 2] no such file: /home/someone/x")) == "linker: OSError"


def test_a_candidate_listed_twice_is_no_tie() -> None:
    assert gold_rank("a", Prediction("m", ("a", "a", "b"), (2.0, 2.0, 1.0))).hits(1) == 1
    assert gold_rank("a", Prediction("m", ("a", "b", "a"), (3.0, 2.0, 1.0))).hits(1) == 1
    assert gold_rank("a", Prediction("m", ("b", "a", "b"), (3.0, 2.0, 1.0))).rank() == 2


@given(st.lists(st.tuples(SCORES, st.one_of(st.none(), st.sampled_from(["e0", "e1", "e9"])), st.booleans()), max_size=8))
def test_credit_sums_lie_between_nought_and_n(mentions: list[tuple[list[float], str | None, bool]]) -> None:
    golds = [gold for _, gold, _ in mentions]
    found = credited(golds, [said(*scores, error="x" if broken else None) for scores, _, broken in mentions])
    assert found.credit.shape == (1, len(mentions))
    assert 0 <= found.credit.sum() <= len(mentions)
    assert all((found.hits(more) >= found.hits(fewer)).all() for fewer, more in itertools.pairwise(KS))
    assert found.failed.sum() == len(found.failures) == sum(broken for *_, broken in mentions)


def test_answers_take_four_bytes_a_mention_and_figures_are_made_of_them() -> None:
    """Two seeds with two views each; some mentions are tied, some have no answer."""
    n = 500
    views = [
        [said(2.0, float(number % (seed + 2)), error="x" if number % 7 == seed else None) for number in range(n)]
        for seed in range(4)
    ]
    each = [credited(["e0"] * n, view) for view in views]
    whole = over_seeds([worst(each[:2]), worst(each[2:])])
    assert sum(answers.number.nbytes for seed in whole.seeds for answers in seed) == 4 * len(views) * n
    ranks = [[gold_rank("e0", answer) for answer in view] for view in views]
    seeds = list(zip(ranks[0], ranks[1], strict=True)), list(zip(ranks[2], ranks[3], strict=True))
    for k in KS:
        assert whole.hits(k).tolist() == [[min(rank.hits(k) for rank in pair) for pair in pairs] for pairs in seeds]
    assert whole.reciprocal.tolist() == [[min(rank.reciprocal() for rank in pair) for pair in pairs] for pairs in seeds]
    assert whole.failed.tolist() == [[number % 7 in (2 * seed, 2 * seed + 1) for number in range(n)] for seed in (0, 1)]
