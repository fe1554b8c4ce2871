from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robustmel.attacks import ATTACKS
from robustmel.registry import Component, Registry
from robustmel.run.components import ComponentSpec, Defended, identity
from robustmel.run.grid import AttackSpec
from robustmel.run.jobs import Answers, Candidates, Variant

GOLDEN = Path(__file__).parent / "golden_job_keys.json"


def made(name: str, random: bool = True, **params: Any) -> ComponentSpec:
    parameters = ATTACKS.parameters(name, params)
    attack = ATTACKS.load(name)
    return ComponentSpec(Component(name, params), parameters, identity(name, parameters, attack, {}) | {"random": random})


NONE = ComponentSpec(Component("none"), {}, {"name": "none", "random": False})
LINKER = ComponentSpec(Component("clip-world"), {}, {"name": "clip", "digests": {"model.safetensors": "w"}, "random": False})
VICTIM = Defended(LINKER, NONE)
CANDIDATES = Candidates(Component("d"), "test", None, 0, NONE, {"mentions": "m", "kb": "k"}, "d", 5)


def perturbed(name: str, seed: int = 7, random: bool = True, **params: Any) -> Variant:
    return Variant(CANDIDATES, AttackSpec(Component(name, params)), made(name, random, **params), VICTIM, "I2T", seed, 32)


def test_golden_keys_of_artefacts_have_not_moved() -> None:
    """An upgrade redoes nothing: these keys change only with a component's version or parameters, and then on purpose."""
    found = {
        "candidates": CANDIDATES.key,
        "pgd": perturbed("pgd").key,
        "apgd": perturbed("apgd", loss="dlr").key,
        "cw": perturbed("cw", random=False).key,
        "answers": Answers(CANDIDATES, VICTIM, "IT2T", perturbed("pgd"), 3, 32).key,
    }
    assert found == json.loads(GOLDEN.read_text())


def test_what_decides_a_set_is_in_its_key_and_nothing_else() -> None:
    base = perturbed("pgd")
    others = [
        perturbed("pgd", eps=0.1),
        perturbed("pgd", seed=8),
        perturbed("pgd", on_failure="last"),
        perturbed("pgd", drop_fooled=True),
        replace(base, view="IT2T"),
        replace(base, attack=replace(base.attack, logits="scaled")),
        replace(base, attack=replace(base.attack, max_side=100)),
        replace(
            base, source=Defended(replace(LINKER, identity={**LINKER.identity, "digests": {"model.safetensors": "w2"}}), NONE)
        ),
        replace(base, source=Defended(LINKER, replace(NONE, identity={"name": "jpeg", "random": False}))),
        replace(base, candidates=replace(CANDIDATES, data={"mentions": "edited", "kb": "k"})),
    ]
    assert len({base.key, *(other.key for other in others)}) == 1 + len(others)
    assert replace(base, attack=replace(base.attack, strength="normal")).key == base.key
    assert perturbed("pgd", eps=8 / 255).key == base.key  # a default said aloud is the same
    assert replace(base, candidates=replace(CANDIDATES, name="another label", count=6)).key == base.key


def test_a_seed_matters_only_to_what_draws() -> None:
    assert perturbed("cw", seed=1, random=False).key == perturbed("cw", seed=2, random=False).key
    assert perturbed("pgd", seed=1).key != perturbed("pgd", seed=2).key
    one, two = (Answers(CANDIDATES, VICTIM, "I2T", None, seed, 32) for seed in (1, 2))
    assert one.key == two.key
    drawing = Defended(replace(LINKER, identity={**LINKER.identity, "random": True}), NONE)
    one, two = (Answers(CANDIDATES, drawing, "I2T", None, seed, 32) for seed in (1, 2))
    assert one.key != two.key
    one, two = (replace(perturbed("cw", seed=seed, random=False), source=drawing) for seed in (1, 2))
    assert one.key != two.key  # an attack that draws nothing, on a source that does


@pytest.mark.parametrize("left_out", ["device", "batch_size", "model", "revision"])
def test_where_a_linker_lies_and_runs_is_not_in_its_identity(left_out: str) -> None:
    weights = {"model.safetensors": "w"}
    one, two = (identity("clip", {"template": "t", left_out: value}, Registry, weights) for value in ("a", "b"))
    assert one == two


@pytest.mark.parametrize("attack", ["pgd", "noise"])
def test_no_two_artefacts_of_a_seed_bear_one_title(attack: str) -> None:
    source = VICTIM if attack == "pgd" else None
    sets = [replace(perturbed(attack), view=view, source=source) for view in ("I2T", "IT2T")]
    answers = [Answers(CANDIDATES, VICTIM, task, variant, 0, 32) for task in ("I2T", "IT2T") for variant in (None, *sets)]
    titles = [job.title for job in (CANDIDATES, *sets, *answers)]
    assert len(set(titles)) == len(titles)
    assert titles[-1] == f"clip-world answers IT2T: {sets[-1].title}"
