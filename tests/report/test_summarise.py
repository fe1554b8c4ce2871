from __future__ import annotations

from typing import Any

import pytest

from robustmel.errors import MissingError
from robustmel.report import Summary, build

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


def by_attack(run: Any, task: str = "I2T") -> dict[str, Summary]:
    return {one.attack: one for one in build(run.finish()).summaries if one.task == task}


@pytest.fixture
def five(fake_run: Any, ask: Any) -> Any:
    """Two mentions of a, one of b, a NIL one, and one whose entity c is no candidate."""
    golds = ("a", "a", "b", None, "c")
    fake_run.questions([ask(number, gold, ["a", "b"]) for number, gold in enumerate(golds)])
    clean = fake_run.rows([RIGHT, (("a", "b"), (2.0, 2.0)), WRONG, ((), ()), RIGHT])
    fake_run.cell("clean", {"clean": (None, clean)})
    return fake_run


def test_figures_are_those_computed_by_hand(five: Any) -> None:
    rows = five.rows([WRONG, RIGHT, "image_decode", RIGHT, RIGHT])
    five.cell("pgd-normal", {"image": (five.variant(), rows)})
    found = by_attack(five)
    clean, pgd = found["clean"], found["pgd-normal"]
    assert (clean.n, clean.correct, clean.accuracy, clean.ties, clean.errors) == (5, 3.5, 0.7, 1, 0)
    assert (clean.recall, clean.ceiling, clean.clusters) == (0.75, 1.0, 4)
    assert (clean.drop, clean.kept, clean.attack_success, clean.p_value) == (None, None, None, None)
    assert (pgd.n, pgd.correct, pgd.accuracy, pgd.ties, pgd.errors) == (5, 1.0, 0.2, 0, 1)
    assert (pgd.clean_accuracy, pgd.drop) == (0.7, pytest.approx(0.5))
    assert (pgd.kept, pgd.attack_success) == (pytest.approx(0.5 / 3.5), 1.0)
    assert pgd.hits_at_k == {"1": 0.2, "3": 0.4, "5": 0.4, "10": 0.4}
    assert pgd.mrr == pytest.approx((0.5 + 1) / 5)
    assert pgd.p_value == 0.25  # changes -1/2, -1, -1 by cluster: two of the eight patterns of signs reach 5/2
    assert pgd.errors_by_kind == {"image_decode": 1}


def test_a_fused_task_is_judged_by_the_worse_of_two_images_and_shown_beside_the_text_alone(five: Any) -> None:
    five.cells[0]["task"] = "IT2T"
    text = five.rows([RIGHT, WRONG, RIGHT, RIGHT, RIGHT])
    five.cell("clean", {"clean": (None, text)}, task="T2T")
    image = five.rows([RIGHT, RIGHT, RIGHT, ((), ()), RIGHT])
    fused = five.rows([WRONG, RIGHT, WRONG, ((), ()), RIGHT])
    five.cell("pgd-normal", {"image": (five.variant(), image), "fused": (five.variant(), fused)}, task="IT2T")
    five.cell("pgd-normal", {"untouched": (None, text)}, task="T2T")
    pgd = by_attack(five, "IT2T")["pgd-normal"]
    assert (pgd.accuracy_image_view, pgd.accuracy_fused_view, pgd.accuracy) == (0.6, 0.6, 0.4)
    assert pgd.text_accuracy == 0.2
    assert by_attack(five, "T2T")["pgd-normal"].untouched
    assert pgd.perturbed == 10


def test_a_mention_that_fails_in_both_views_and_all_seeds_is_counted_once_for_each_reason(five: Any) -> None:
    image = five.rows([RIGHT, "image_decode", "image_decode", RIGHT, RIGHT])
    fused = five.rows([RIGHT, "image_decode", "no_image", RIGHT, RIGHT])
    for seed in (0, 1):
        views = {"image": (five.variant(), image), "fused": (five.variant(), fused)}
        five.cell("pgd-normal", views, task="IT2T", seed=seed)
    found = by_attack(five, "IT2T")["pgd-normal"]
    assert (found.errors, found.errors_by_kind) == (2, {"image_decode": 2, "no_image": 1})


def test_a_drop_has_an_interval_and_a_test_of_no_effect(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, f"e{number}", [f"e{number}", "b"]) for number in range(400)])
    right = [((f"e{number}", "b"), (2.0, 1.0)) for number in range(400)]
    fake_run.cell("clean", {"clean": (None, fake_run.rows(right))})
    fake_run.cell("pgd-normal", {"image": (fake_run.variant(), fake_run.rows(right))})
    fake_run.cell("cw-normal", {"image": (fake_run.variant(), fake_run.rows([WRONG] * 100 + right[100:]))})
    found = by_attack(fake_run)
    idle, strong = found["pgd-normal"], found["cw-normal"]
    assert (idle.drop, idle.p_value) == (0.0, 1.0)
    assert (idle.drop_low, idle.drop_high) == (pytest.approx(-0.0092, abs=1e-4), pytest.approx(0.0092, abs=1e-4))
    assert idle.equivalence is not None
    assert idle.equivalence < 0.05
    assert (strong.drop, strong.equivalence) == (0.25, 0.5)
    assert strong.drop_low is not None
    assert strong.drop_high is not None
    assert 0.2 < strong.drop_low < 0.25 < strong.drop_high < 0.3
    clean = found["clean"]
    assert (clean.drop_low, clean.drop_high, clean.equivalence) == (None, None, None)


def test_seeds_make_one_row_with_the_mean_of_what_they_earned(five: Any) -> None:
    for seed, rows in enumerate([[RIGHT] * 5, [WRONG] * 5, ["no_image"] * 5]):
        five.cell("pgd-normal", {"image": (five.variant(), five.rows(rows))}, seed=seed)
    pgd = by_attack(five)["pgd-normal"]
    assert (pgd.n, pgd.seeds, pgd.errors) == (5, (0, 1, 2), 5)
    assert pgd.correct == pytest.approx((2 + 1 + 0) / 3)


def test_the_worst_case_over_attacks_is_a_row_of_its_own(five: Any) -> None:
    five.cell("pgd-normal", {"image": (five.variant(), five.rows([RIGHT, WRONG, WRONG, ((), ()), RIGHT]))})
    five.cell("apgd-normal", {"image": (five.variant(), five.rows([WRONG, RIGHT, WRONG, ((), ()), RIGHT]))})
    worst = by_attack(five)["worst-linf-8/255"]
    assert (worst.correct, worst.members, worst.clean_accuracy) == (2.0, ("pgd-normal", "apgd-normal"), 0.7)


def test_without_mentions_there_are_no_figures_and_no_nan(fake_run: Any) -> None:
    fake_run.questions([])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([]))})
    fake_run.cell("pgd-normal", {"image": (fake_run.variant([]), fake_run.rows([]))})
    report = build(fake_run.finish())
    for one in report.summaries:
        assert (one.n, one.correct) == (0, 0.0)
        figures = (
            one.accuracy,
            one.ci_low,
            one.ci_high,
            one.mrr,
            one.hits_at_k,
            one.drop,
            one.kept,
            one.attack_success,
            one.p_value,
        )
        assert set(figures) == {None}
    assert "NaN" not in report.to_json()
    assert "n/a" in report.text()
    assert "no mentions" in report.text()
    assert report.write_page().is_file()


def test_an_attack_without_a_clean_cell_is_reported_without_comparisons(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    fake_run.cell("pgd-normal", {"image": (fake_run.variant(), fake_run.rows([RIGHT]))})
    pgd = by_attack(fake_run)["pgd-normal"]
    assert (pgd.accuracy, pgd.clean_accuracy, pgd.drop, pgd.kept, pgd.p_value) == (1.0, None, None, None, None)


def test_parts_of_a_row_that_were_asked_different_questions_are_refused(five: Any, ask: Any) -> None:
    five.cell("pgd-normal", {"image": (five.variant(), five.rows([RIGHT] * 5))})
    five.questions([ask(9, "a", ["a", "b"])])
    five.cell("pgd-normal", {"image": (five.variant(), five.rows([RIGHT]))}, seed=1)
    with pytest.raises(MissingError, match="asked different questions"):
        build(five.finish())
