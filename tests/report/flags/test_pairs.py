from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import build

WINS = "black_box_wins"
RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))


def test_noise_that_breaks_more_than_gradients_do_is_flagged(planted: Any, attacked: Any, noise: Any) -> None:
    attacked("pgd-normal", 32)
    noise(12)
    (flag,) = build(planted.finish()).flags
    assert (flag.code, flag.attack) == (WINS, "noise-normal")
    assert (
        "ours on toy: I2T noise-normal sees less than pgd-normal but breaks 50.0 points more of the mentions." in flag.sentence
    )


def test_so_is_an_attack_by_scores_alone_and_one_made_on_another_linker(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 32)
    attacked("square-normal", 12, {"iterations": 0})
    attacked("pgd-moved", 12, source="theirs")
    assert codes() == {(WINS, "square-normal"), (WINS, "pgd-moved")}


def test_noise_that_breaks_as_much_as_gradients_or_a_little_more_is_not(attacked: Any, noise: Any, codes: Any) -> None:
    attacked("pgd-normal", 12)
    noise(9)
    noise(34, attack="noise-other")
    assert codes() == set()


def test_more_freedom_is_no_win(attacked: Any, noise: Any, codes: Any) -> None:
    attacked("pgd-normal", 32, budget="4/255")
    noise(2)
    assert codes() == set()


def test_who_edits_texts_too_is_free_in_another_way_and_no_black_box_that_wins(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 32)
    attacked("qwerty", 2, source="none", modality="text", threat_model="text edits")
    attacked("both", 2, source="theirs", modality="image + text", threat_model="linf + text edits")
    assert codes() == set()


def test_the_nearest_larger_radius_is_compared_and_all_its_attacks_together(attacked: Any, noise: Any, codes: Any) -> None:
    attacked("pgd-small", 34, budget="4/255")
    attacked("pgd-normal", 32)
    attacked("apgd-normal", 10)
    attacked("pgd-strong", 0, budget="0.2")
    noise(12)
    noise(12, budget="4/255", attack="noise-small")
    assert codes() == {(WINS, "noise-small")}


def test_a_change_without_a_stated_radius_counts_by_what_it_changed(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 32)
    blur = {"source": "none", "threat_model": "corruption", "budget": "severity 3"}
    attacked("blur", 12, {"iterations": 0, "linf_u8": 8 / 255}, **blur)
    attacked("fog", 12, {"iterations": 0, "linf_u8": 20 / 255}, **blur)
    assert codes() == {(WINS, "blur")}


def test_images_made_on_the_image_score_are_no_white_box_attack_on_the_fused_one(attacked: Any, codes: Any) -> None:
    attacked("pgd-normal", 32, task="IT2T")
    attacked("square-normal", 12, {"iterations": 0}, task="IT2T")
    assert codes() == set()


def test_images_made_on_the_undefended_linker_are_no_white_box_attack_on_the_defended_one(planted: Any, codes: Any) -> None:
    variant = planted.variant([{"succeeded": False, "succeeded_u8": False}] * 40, defence_title="none")
    planted.cell("pgd-normal", {"image": (variant, planted.rows([RIGHT] * 40))}, defence="smooth")
    silent = planted.variant([{"iterations": 0}] * 40)
    planted.cell("noise-normal", {"image": (silent, planted.rows([WRONG] * 40))}, defence="smooth", source="none")
    assert codes() == set()


def test_a_handful_of_mentions_proves_nothing(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(4)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 4))})
    fake_run.cell("pgd-normal", {"image": (fake_run.variant([{"succeeded": False}] * 4), fake_run.rows([RIGHT] * 4))})
    silent = fake_run.variant([{"iterations": 0}] * 4)
    fake_run.cell("noise-normal", {"image": (silent, fake_run.rows([WRONG] * 4))}, source="none", threat_model="noise")
    assert build(fake_run.finish()).flags == ()


def test_a_larger_radius_that_breaks_less_is_flagged(planted: Any, attacked: Any) -> None:
    attacked("pgd-two", 10, budget="2/255")
    attacked("pgd-four", 30, budget="4/255")
    (flag,) = build(planted.finish()).flags
    assert (flag.code, flag.attack) == ("not_growing_with_eps", "pgd-four")
    assert "I2T pgd-four leaves 75.0 %, pgd-two 25.0 %" in flag.sentence


def test_one_that_breaks_as_much_or_a_little_less_is_not(attacked: Any, codes: Any) -> None:
    for attack, right, budget in (("one", 30, "1/255"), ("two", 20, "2/255"), ("four", 20, "4/255"), ("six", 22, "6/255")):
        attacked(f"pgd-{attack}", right, budget=budget)
    assert codes() == set()


def test_two_attacks_are_no_ladder(attacked: Any, codes: Any) -> None:
    attacked("pgd-two", 10, budget="2/255")
    attacked("apgd-four", 30, budget="4/255")
    assert codes() == set()


@pytest.mark.parametrize("budgets", [("c=20", "c=100"), ("8/255", "16/255")])
def test_a_strong_setting_behind_the_normal_one_is_flagged_once(budgets: tuple[str, str], attacked: Any, codes: Any) -> None:
    for strength, right, budget in zip(("normal", "strong"), (10, 30), budgets, strict=True):
        attacked(f"cw-{strength}", right, budget=budget, threat_model="linf" if "/" in budget else "l2")
    assert codes() == {("strong_weaker_than_normal", "cw-strong")}


def test_transferred_images_may_be_weaker_at_the_strong_setting(attacked: Any, codes: Any) -> None:
    attacked("cw-normal", 10, threat_model="l2", budget="c=20", source="theirs")
    attacked("cw-strong", 30, threat_model="l2", budget="c=100", source="theirs")
    assert codes() == set()


def test_an_attack_that_helps_beyond_chance_is_flagged_and_one_mention_is_not(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(40)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 10 + [WRONG] * 30))})
    for attack, count in (("pgd-normal", 30), ("apgd-normal", 11)):
        fake_run.cell(attack, {"image": (fake_run.variant(), fake_run.rows([RIGHT] * count + [WRONG] * (40 - count)))})
    silent = fake_run.variant([{"iterations": 0}] * 40)
    fake_run.cell(
        "noise-normal", {"image": (silent, fake_run.rows([RIGHT] * 30 + [WRONG] * 10))}, source="none", threat_model="noise"
    )
    report = build(fake_run.finish())
    assert {(flag.code, flag.attack) for flag in report.flags} == {("above_clean", "pgd-normal")}
    assert "I2T pgd-normal raises accuracy by 50.0 points over the clean images" in report.flags[0].sentence


def test_what_only_the_member_without_gradients_fooled_is_flagged(planted: Any, codes: Any) -> None:
    log = [{"fooled_by": "square" if number < 11 else "apgd" if number < 14 else None} for number in range(40)]
    planted.cell("autoattack-normal", {"image": (planted.variant(log), planted.rows([WRONG] * 14 + [RIGHT] * 26))})
    assert codes() == {(WINS, "autoattack-normal")}
    assert "fooled 11 images on which the others failed" in build(planted.finish()).flags[0].sentence


def test_an_ensemble_counts_as_white_box_by_its_members_with_gradients(planted: Any, attacked: Any, codes: Any) -> None:
    log = [{"fooled_by": "square" if number < 30 else None} for number in range(40)]
    planted.cell("autoattack-normal", {"image": (planted.variant(log), planted.rows([WRONG] * 30 + [RIGHT] * 10))})
    attacked("square-normal", 10, {"iterations": 0})
    assert {(WINS, "square-normal"), (WINS, "autoattack-normal")} <= codes()


def test_a_member_that_adds_a_few_images_proves_nothing(planted: Any, codes: Any) -> None:
    log = [{"fooled_by": "square" if number < 2 else "apgd"} for number in range(40)]
    planted.cell("autoattack-normal", {"image": (planted.variant(log), planted.rows([WRONG] * 40))})
    assert codes() == set()


def test_the_best_of_several_seeds_is_held_against_the_best_of_as_many(planted: Any, codes: Any) -> None:
    """Three draws of noise that break other mentions each: as much as three starts of PGD, more than any of them."""
    for seed in range(3):
        kept = [WRONG if number // 13 == seed else RIGHT for number in range(40)]
        for attack, fields in (("pgd-normal", {}), ("noise-normal", {"source": "none", "threat_model": "noise"})):
            variant = planted.variant([{"iterations": 0 if fields else 20}] * 40)
            planted.cell(attack, {"image": (variant, planted.rows(kept))}, seed=seed, **fields)
    assert codes() == set()


def test_a_black_box_that_wins_under_its_best_seed_is_seen(planted: Any, attacked: Any, codes: Any) -> None:
    """Each of three seeds of Square breaks 13 mentions of its own, three starts of PGD the same 3: the mean would hide it."""
    for seed in range(3):
        for attack, broken, steps in (
            ("pgd-normal", range(seed, seed + 1), 20),
            ("square-normal", range(13 * seed, 13 * seed + 6), 0),
        ):
            variant = planted.variant([{"iterations": steps}] * 40)
            rows = planted.rows([WRONG if number in broken else RIGHT for number in range(40)])
            planted.cell(attack, {"image": (variant, rows)}, seed=seed)
    assert (WINS, "square-normal") in codes()
