from __future__ import annotations

import json
from typing import Any

import pytest
from scipy import stats

from robustmel.report import build

RIGHT, WRONG, TIED = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0)), (("a", "b"), (1.0, 1.0))


@pytest.fixture
def run(fake_run: Any, ask: Any) -> Any:
    fake_run.questions([ask(number, "a", ["a", "b"]) for number in range(4)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT, WRONG, WRONG, WRONG]))})
    return fake_run


def said(run: Any) -> str:
    return " ".join(build(run.finish()).notes)


def test_a_quiet_run_says_how_many_mentions_and_that_nothing_failed(run: Any) -> None:
    assert "n = 4 mentions in 1 groups" in said(run)
    assert "Errors: none" in said(run)
    for word in ("†", "Ties", "Warning", "could not be attacked", "transfer", "cannot exceed"):
        assert word not in said(run)


def test_raw_is_explained_where_a_column_is_headed_so_and_nowhere_else(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(0, "a", ["a", "b"])])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT]))}, task="T2T")
    assert "Accuracy in %" in said(fake_run)
    assert "RAW" not in said(fake_run)
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT]))}, task="I2T")
    assert "RAW is unperturbed." in said(fake_run)


def test_errors_are_counted_named_and_called_wrong(run: Any) -> None:
    run.cell("pgd-normal", {"image": (run.variant(), run.rows([RIGHT, "image_decode", "image_decode", "no_image"]))})
    assert "some mentions got no answer in 1 of 2 cells (image_decode, no_image) and count as wrong" in said(run)
    assert "ours I2T pgd-normal 3" in said(run)


def test_a_linker_that_an_attack_helps_is_marked_and_explained(run: Any) -> None:
    run.cell("pgd-normal", {"image": (run.variant(), run.rows([RIGHT, RIGHT, WRONG, WRONG]))})
    assert "50.0†" in build(run.finish()).text()
    assert "† More mentions are linked under this attack" in said(run)


def test_ties_are_explained(run: Any) -> None:
    run.cell("pgd-normal", {"image": (run.variant(), run.rows([TIED, TIED, WRONG, WRONG]))})
    assert "in 1 of 2 cells (up to 2 mentions)" in said(run)
    assert "up to 2 mentions" in said(run)


def test_a_flag_stands_under_the_table(run: Any) -> None:
    log = [{"iterations": 10, "zero_gradients": 5}] * 4
    run.cell("pgd-normal", {"image": (run.variant(log), run.rows([WRONG] * 4))})
    shown = " ".join(build(run.finish()).text().split())
    assert "Flag, zero gradients: ours on toy" in shown
    assert "I2T pgd-normal found zero gradients on 4 of 4 images" in shown


def test_success_lost_by_rounding_is_told(run: Any) -> None:
    log = [{"succeeded": True, "succeeded_u8": number > 1} for number in range(4)]
    run.cell("pgd-normal", {"image": (run.variant(log), run.rows([WRONG] * 4))})
    assert "rounded to 8 bits" in said(run)


def test_images_that_could_not_be_attacked_are_counted(run: Any) -> None:
    log = [{"status": "skipped:gold_not_among_candidates"}, {"status": "skipped:gold_not_among_candidates"}, {}, {}]
    run.cell("pgd-normal", {"image": (run.variant(log), run.rows([WRONG] * 4))})
    assert "gold not among candidates: up to 2" in said(run)


def test_images_made_on_another_linker_are_called_transfer(run: Any) -> None:
    run.cell("pgd-normal", {"image": (run.variant(), run.rows([WRONG] * 4))}, source="theirs")
    assert "pgd-normal: images made on theirs" in said(run)


def test_a_sentence_shared_by_two_entities_caps_what_can_be_reached(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, gold, ["a", "b"], text="one", image="/one.png") for number, gold in enumerate("aab")])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 3))})
    assert "cannot exceed 66.7 %" in said(fake_run)


def test_what_the_run_itself_remarks_comes_last(run: Any) -> None:
    run.notes.append("toy carries no sentences.")
    assert said(run).endswith("toy carries no sentences.")


def test_the_reach_of_intervals_is_their_longer_side_and_not_half_their_length(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(30)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 30))})
    fake_run.cell("pgd-normal", {"image": (fake_run.variant(), fake_run.rows([WRONG] * 30))})
    exact = stats.binomtest(30, 30).proportion_ci(0.95, "exact")
    reach = f"{100 * (1 - exact.low):.1f}"
    assert f"95 % intervals reach up to {reach} points below and {reach} above a figure (one-sided at 0 and 100 %" in said(
        fake_run
    )


def test_the_settings_carry_numbers_and_seeds_are_said(run: Any) -> None:
    for attack, budget in (
        ("pgd-normal", "8/255"),
        ("pgd-strong", "0.2"),
        ("apgd-normal", "8/255"),
        ("apgd-strong", "0.2"),
        ("cw-normal", "c=20"),
    ):
        for seed in (0, 1, 2):
            run.cell(attack, {"image": (run.variant(), run.rows([WRONG] * 4))}, budget=budget, seed=seed)
    told = said(run)
    assert "(PGD, APGD 8/255 and 0.2; CW c=20)" in told
    assert "Figures are means over up to 3 seeds (0, 1, 2)" in told


def test_the_largest_group_is_said_with_its_share(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster="one" if number < 3 else str(number)) for number in range(10)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 10))})
    assert "n = 10 mentions in 8 groups that share an entity or an image (the largest holds 30.0 %)" in said(fake_run)


def test_more_than_chance_is_what_the_flags_call_so(fake_run: Any, ask: Any) -> None:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(40)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows([RIGHT] * 10 + [WRONG] * 30))})
    for attack, right in (("pgd-normal", 30), ("apgd-normal", 12)):
        fake_run.cell(attack, {"image": (fake_run.variant(), fake_run.rows([RIGHT] * right + [WRONG] * (40 - right)))})
    assert "† More mentions are linked under this attack than without it, in 1 of these 2 cells by more than chance" in said(
        fake_run
    )


def test_a_set_that_was_reduced_says_so_and_names_the_clean_figure_at_that_size(run: Any) -> None:
    reduced = [{"reduced": True}, {"reduced": True}, {"reduced": False}, {}]
    run.cell("pgd-normal", {"image": (run.variant(reduced), run.rows([WRONG] * 4))})
    assert "Images were scaled down before the attack in 1 of 2 cells (up to 2)." in said(run)
    fields = {"source": "none", "threat_model": "noise", "budget": "0"}
    run.cell("clean-64px", {"image": (run.variant(reduced), run.rows([RIGHT] * 4))}, **fields)
    assert "(up to 2); clean-64px shows the clean images at that size" in said(run)
    assert {row["attack"]: row["reduced"] for row in json.loads(build(run.finish()).to_json())}["pgd-normal"] == 2


def test_a_linker_that_is_judged_on_the_fused_score_alone_is_named(run: Any) -> None:
    rows = run.rows([RIGHT] * 4)
    run.cell("pgd", {"image": (run.variant(), rows), "fused": (run.variant(), rows)}, task="IT2T")
    assert "one against the fused score." in said(run)
    run.cell("pgd", {"fused": (run.variant(), rows)}, task="IT2T", linker="gemel")
    assert "one against the fused score (gemel: on the latter alone)." in said(run)


def test_a_linker_trained_once_is_named_where_trainings_are_compared(run: Any) -> None:
    run.trained = ["ours"]
    run.cell("clean", {"clean": (None, run.rows([RIGHT] * 4))}, poison="loud")
    assert "ours: trained once, so no interval and no mark knows what another training would give" in said(run)
    assert "trained once" in build(run.out).compare("poison").text()
    for poison in ("none", "loud"):
        run.cell("clean", {"clean": (None, run.rows([RIGHT] * 4))}, poison=poison, seed=1)
    assert "trained once" not in said(run)
    assert "trained once" not in build(run.out).compare("poison").text()
