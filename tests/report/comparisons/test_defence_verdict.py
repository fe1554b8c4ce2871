"""A placebo must not come out as a defence, and a defence must."""

from __future__ import annotations

from typing import Any

import pytest

from robustmel.report import build
from robustmel.report.comparisons import compare, defence_verdict

RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
N = 100
KNOWN, UNKNOWN = "ours behind retlink", "ours undefended"


@pytest.fixture
def judged(fake_run: Any, ask: Any) -> Any:
    """The verdict and the notes of a run: of N, right when clean and under attack without the defence, then clean, static, adaptive with it."""
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=str(number)) for number in range(N)])

    def of(bare: tuple[int, int], defended: tuple[int, int, int]) -> tuple[str, list[str]]:
        def cell(attack: str, right: int, **fields: Any) -> None:
            rows = fake_run.rows([RIGHT if number < right else WRONG for number in range(N)])
            variant = None if attack == "clean" else fake_run.variant()
            fake_run.cell(attack, {"clean" if variant is None else "image": (variant, rows)}, **fields)

        cell("clean", bare[0])
        cell("pgd-normal", bare[1], white_box=True)
        cell("pgd-normal", bare[1], source=UNKNOWN)
        cell("clean", defended[0], defence="retlink")
        cell("pgd-normal", defended[2], defence="retlink", source=KNOWN, white_box=True)
        cell("pgd-normal", defended[1], defence="retlink", source=UNKNOWN)
        report = build(fake_run.finish())
        return defence_verdict(compare(report.scoring, "defence")), [
            note for note in report.notes if "Does the defence" in note
        ]

    return of


def test_the_placebo_is_no_defence_though_it_links_more_under_static_attacks(judged: Any) -> None:
    """The figures of examples/placebo.toml."""
    verdict, (note,) = judged((15, 0), (79, 27, 8))
    assert verdict.startswith("Is it a defence? No: ")
    assert "in 0 of 1 comparisons" in verdict
    assert verdict.endswith("Attacks that do not know of it say so in 0 of 1.")
    assert "attack: no, the attack costs" in note


def test_who_had_less_to_lose_is_no_defence(judged: Any) -> None:
    verdict, (note,) = judged((100, 0), (60, 0, 0))
    assert verdict.startswith("Is it a defence? Not shown: ")
    assert "attack: not shown, the attack costs 40.0 points less with it" in note


def test_what_holds_under_static_attacks_alone_is_no_defence(judged: Any) -> None:
    verdict, _ = judged((100, 10), (100, 80, 10))
    assert verdict.startswith("Is it a defence? Not shown: ")
    assert verdict.endswith("say so in 1 of 1.")


def test_a_defence_comes_out_as_one(judged: Any) -> None:
    verdict, (note,) = judged((100, 10), (98, 80, 60))
    assert verdict.startswith("Is it a defence? Yes: ")
    assert "in 1 of 1 comparisons" in verdict
    assert "attack: yes, the attack costs 52.0 points less" in note


def test_what_links_less_under_attack_is_told(judged: Any) -> None:
    verdict, _ = judged((100, 50), (98, 50, 10))
    assert verdict.startswith("Is it a defence? No: ")
    assert "less is linked or the attack costs more in 1 " in verdict
