"""The conformance check of attacks: quiet about those that keep the contract, and able to tell every breach."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tests.test_contract import SHORT
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.attacks.conformance import conformance
from robustmel.cli.entry import run
from robustmel.registry import load_file_component
from robustmel.types import EntityEdit, Perturbation, TextChange, TextEdit

FILE = Path(__file__).parents[1] / "selftest" / "broken_attacks.py"
Right: Any = load_file_component(f"{FILE}:Right")


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_of_the_table_keeps_the_contract(name: str, lexicons: dict[str, dict[str, str]]) -> None:
    assert conformance(name, **SHORT.get(name, {}), **lexicons.get(name, {})) == []


def test_so_does_plain_pgd_of_ones_own_whatever_form_its_radius_has() -> None:
    assert conformance(f"{FILE}:Right") == conformance(f"{FILE}:Right", eps="16/255") == []


def broken(**changes: Any) -> type[Any]:
    return type("Broken", (Right,), changes)


def afterwards(change: Callable[[Any, Perturbation, Tensor, Any, Tensor], Perturbation]) -> dict[str, Any]:
    def perturb(self: Any, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
        return change(self, Right.perturb(self, pixels, objective, gold, noise), pixels, objective, gold)

    return {"perturb": perturb}


def moved(made: Perturbation, pixels: Tensor, start: Tensor) -> Perturbation:
    change = pixels - start
    return replace(made, pixels=pixels, linf=change.abs().amax((1, 2, 3)), l2=change.flatten(1).norm(dim=1))


def seen_twice(self: Any, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
    objective(pixels[:1])
    return Right.perturb(self, pixels, objective, gold, noise)  # type: ignore[no-any-return]


def outside(self: Any, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
    objective(pixels + 1)
    return Right.perturb(self, pixels, objective, gold, noise)  # type: ignore[no-any-return]


def in_place(self: Any, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
    made: Perturbation = Right.perturb(self, pixels, objective, gold, noise)
    pixels += 0.001
    return made


def drawn_elsewhere(self: Any, made: Perturbation, pixels: Tensor, objective: Any, gold: Tensor) -> Perturbation:
    return moved(made, (pixels + self.eps * (2 * torch.rand_like(pixels) - 1)).clamp(0, 1), pixels)


def by_place(pixels: Tensor) -> Tensor:
    return (pixels + torch.arange(len(pixels))[:, None, None, None] / 255).clamp(0, 1)


BREACHES: list[tuple[type[Any], str]] = [
    (broken(modality="sound"), "no class attribute modality"),
    (broken(writes=("text",)), "no class attribute writes"),
    (broken(needs="luck"), "no class attribute needs"),
    (broken(version=None), "no class attribute version"),
    (broken(perturb=None), "no method perturb"),
    (broken(passes=lambda self: "few"), r"passes\(\) must give a whole number"),
    (broken(budget=8), "must be text"),
    (broken(perturb=lambda self, *rest: rest[0]), "must return a robustmel.types.Perturbation, not a Tensor"),
    (broken(perturb=lambda self, pixels: pixels), "it raises TypeError"),
    (broken(perturb=seen_twice), "without their rows"),
    (broken(perturb=outside), r"pixels outside \[0, 1\]"),
    (broken(perturb=in_place), "changes its input pixels"),
    (broken(needs="nothing"), "but asks for scores"),
    (broken(needs="scores"), "it raises RuntimeError"),
    (broken(searched=2.0), "it leaves its budget: linf .* where 8/255 is allowed"),
    (broken(random=False), "declares random = True"),
    (broken(**afterwards(drawn_elsewhere)), "global generator|with the same noise"),
    (broken(**afterwards(lambda self, made, *_: replace(made, pixels=made.pixels.double()))), "must be float32"),
    (broken(**afterwards(lambda self, made, *_: replace(made, pixels=made.pixels + 1))), r"lie in \[0, 1\]"),
    (broken(**afterwards(lambda self, made, *_: replace(made, queries=made.queries[:1]))), "queries must hold one value"),
    (broken(**afterwards(lambda self, made, *_: replace(made, linf=made.linf * 2))), "linf is not the length"),
    (broken(**afterwards(lambda self, made, *_: replace(made, succeeded=~made.succeeded))), "succeeded must say whether"),
    (
        broken(**afterwards(lambda self, made, pixels, *_: moved(made, by_place(pixels), pixels))),
        "order of the images",
    ),
    (
        broken(**afterwards(lambda self, made, pixels, *_: made if len(pixels) > 1 else moved(made, pixels, pixels))),
        "an image alone gives another result",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("attack", "told"), BREACHES, ids=[told for _, told in BREACHES])
def test_a_breach_is_told_in_a_sentence(attack: type[Any], told: str) -> None:
    problems = conformance(attack)
    assert any(re.search(told, problem) for problem in problems), problems
    assert all(problem.count("\n") == 0 and problem.endswith(".") for problem in problems)


class Peeking(Right):  # type: ignore[misc, valid-type]
    """Asks nobody, and yet treats images by their right answer."""

    needs: ClassVar = "nothing"

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
        there = (pixels + self.eps * torch.where(gold[:, None, None, None] > 0, 1.0, -1.0)).clamp(0, 1)
        count = torch.zeros_like(gold)
        return moved(Perturbation(there, count > 0, count, count, *torch.zeros(2, len(gold)), count), there, pixels)


def test_who_asks_nobody_must_not_read_the_right_answer() -> None:
    assert any("right answer changes its images" in problem for problem in conformance(Peeking))


class Shouting:
    """Upper-cases every sentence."""

    modality, writes, needs, threat_model, budget = "text", ("text", "surface"), "nothing", "case", "all"
    version, random = 1, False

    def passes(self) -> int:
        return 0

    def perturb(self, queries: Any, objective: Any, gold: Any, seeds: Sequence[int]) -> list[TextEdit]:
        return [TextEdit(query.id, query.text.upper(), query.surface.upper(), query.span) for query in queries]


class Renaming(Shouting):
    """Names an entity after its seed."""

    modality, writes = "knowledge", ("name",)

    def perturb(self, queries: Any, kb: Any, gold: Any, seeds: Sequence[int]) -> Any:
        return [EntityEdit(entity, name="other") for entity in kb.ids]


CHANGES = (TextChange(0, 8, "Somebody", "NOBODY", "replace"),)


def of(base: type[Any], make: Callable[..., Any]) -> type[Any]:
    return type("Broken", (base,), {"perturb": lambda self, *given: make(base.perturb(self, *given), *given)})


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        (Shouting, ""),
        (Renaming, ""),
        (of(Shouting, lambda made, *_: made[::-1]), "in the queries' order"),
        (of(Shouting, lambda made, *_: made[:-1]), "one robustmel.types.TextEdit per query"),
        (of(Shouting, lambda made, queries, *_: [edit._replace(text=str(len(queries)), span=None) for edit in made]), "alone"),
        (of(Shouting, lambda made, *_: [edit._replace(span=(0, 2)) for edit in made]), "span of an edit"),
        (of(Shouting, lambda made, *_: [edit._replace(changes=CHANGES) for edit in made]), "do not make its text"),
        (of(Shouting, lambda made, *given: [made[0]._replace(text=str(given[3]), span=None), *made[1:]]), "random = True"),
        (of(Shouting, lambda made, *_: [made[0]._replace(note=str(torch.rand(1))), *made[1:]]), "the same seeds"),
        (of(Renaming, lambda made, *_: made * 2), "for distinct entities"),
        (of(Renaming, lambda made, *_: [replace(made[0], id="stranger")]), "of the knowledge base"),
        (of(Renaming, lambda made, *_: [replace(made[0], text="new")]), "that its writes does not name"),
        (of(Renaming, lambda made, *_: 1 / 0), "it raises ZeroDivisionError"),
    ],
)
def test_attacks_on_texts_and_entities_are_tried_too(attack: type[Any], told: str) -> None:
    problems = conformance(attack)
    assert (told in " ".join(problems) and bool(problems)) if told else problems == []


def test_the_command_tries_an_attack_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attacks", f"{FILE}:Right"]) == 0
    assert "conformance: no problems" in capsys.readouterr().out
    assert run(["attacks", f"{FILE}:TwiceTheRadius"]) == 1
    assert "it leaves its budget" in capsys.readouterr().out
    assert run(["attacks", "pgd"]) == 0
    assert "strength normal" in capsys.readouterr().out


@pytest.mark.parametrize("radius", ['"sixteen"', "true", "nan"])
def test_a_wrong_radius_of_an_attack_of_ones_own_is_told_in_a_sentence(
    radius: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = f'{{name = "{FILE}:Right", eps = {radius}}}'
    (tmp_path / "grid.toml").write_text(f'datasets = ["world-news"]\nlinkers = ["clip-world"]\nattacks = [{table}]\n')
    for command in (["plan", str(tmp_path / "grid.toml")], ["selftest", "--attack", table]):
        assert run(command) == 2
        told = capsys.readouterr().err
        assert 'expected a number, such as 0.03 or "8/255"' in told
        assert "bug" not in told
