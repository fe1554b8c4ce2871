from __future__ import annotations

from typing import Any

from robustmel.report import build

WINS = "black_box_wins"


def test_noise_that_breaks_more_than_gradients_do_is_flagged(planted: Any, attacked: Any, noise: Any) -> None:
    attacked("pgd-normal", 32)
    noise(12)
    (flag,) = build(planted.finish()).flags
    assert (flag.code, flag.attack) == (WINS, "noise-normal")
    assert "(I2T noise-normal 50.0 points more than pgd-normal)" in flag.sentence


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
    right, wrong = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
    variant = planted.variant([{"succeeded": False, "succeeded_u8": False}] * 40, defence_title="none")
    planted.cell("pgd-normal", {"image": (variant, planted.rows([right] * 40))}, defence="smooth")
    silent = planted.variant([{"iterations": 0}] * 40)
    planted.cell("noise-normal", {"image": (silent, planted.rows([wrong] * 40))}, defence="smooth", source="none")
    assert codes() == set()


def test_a_handful_of_mentions_proves_nothing(fake_run: Any, ask: Any) -> None:
    right, wrong = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(4)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([right] * 4))})
    fake_run.cell("pgd-normal", {"image": (fake_run.variant([{"succeeded": False}] * 4), fake_run.rows([right] * 4))})
    silent = fake_run.variant([{"iterations": 0}] * 4)
    fake_run.cell("noise-normal", {"image": (silent, fake_run.rows([wrong] * 4))}, source="none", threat_model="noise")
    assert build(fake_run.finish()).flags == ()
