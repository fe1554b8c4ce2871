from __future__ import annotations

import numpy as np
import pytest

from robustmel.report import metrics
from robustmel.report.questions import Question


def asked(gold: str | None, text: str = "", image: str | None = None, candidates: tuple[str, ...] = ("a", "b")) -> Question:
    return Question("q", gold, "", text, image, candidates, gold or "")


def test_attack_success_leaves_ties_on_clean_images_out() -> None:
    clean = np.array([[1, 1, 1, 0.5, 0]])
    attacked = np.array([[1, 0, 0.5, 0, 0]])
    assert metrics.attack_success(attacked, clean) == pytest.approx(1.5 / 3)


def test_the_share_kept_is_of_what_was_linked_when_clean() -> None:
    clean = np.array([[1, 1, 0.5, 0]])
    attacked = np.array([[1, 0, 1, 1.0]])  # becoming right is no keeping
    assert metrics.kept(attacked, clean) == pytest.approx(1.5 / 2.5)


def test_a_share_of_nothing_is_none() -> None:
    nothing = np.zeros((1, 0))
    assert (
        metrics.kept(nothing, nothing)
        is metrics.attack_success(nothing, nothing)
        is metrics.recall([])
        is metrics.ceiling([])
        is None
    )
    assert metrics.attack_success(np.zeros((1, 2)), np.zeros((1, 2))) is None


def test_recall_is_over_mentions_that_have_an_entity() -> None:
    assert metrics.recall([asked("a"), asked("z"), asked(None)]) == 0.5


def test_of_mentions_that_look_alike_only_the_commonest_answer_can_be_right() -> None:
    rows = [asked("a", "s", "1"), asked("b", "s", "1"), asked("b", "s", "1"), asked("a", "t", "1"), asked("b", "u", "1")]
    assert metrics.ceiling(rows) == 4 / 5


def test_other_candidates_tell_mentions_apart() -> None:
    assert metrics.ceiling([asked("a", "s", "1"), asked("b", "s", "1", ("b", "c"))]) == 1


def test_mentions_with_neither_sentence_nor_image_are_not_alike() -> None:
    assert metrics.ceiling([asked("a"), asked("b")]) == 1
