from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.errors import RobustMELError
from robustmel.images import decode, write_png
from robustmel.kb import KnowledgeBase
from robustmel.run.stages.perturb_images import ImageAttackContext, perturb_images
from robustmel.types import Perturbation, Query


def queries(folder: Path) -> list[Query]:
    draw = np.random.default_rng(0)
    for number in range(3):
        write_png(folder / f"{number}.png", draw.integers(80, 120, (6, 6, 3)).astype(np.uint8))
    return [Query(f"q{number}", "", "", None, folder / f"{number}.png", ("dark", "light")) for number in range(3)]


class Spoiled:
    """Links light images to "light"; what it says of image 1 is `value`."""

    note = "asked in a test"

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        light = pixels.mean((1, 2, 3)) - 0.42
        names = torch.arange(len(pixels)) if rows is None else rows
        light = torch.where(names == 1, self.value, light)
        return torch.stack([torch.zeros_like(light), light], 1)


@pytest.mark.parametrize("name", ["pgd", "square", "fab"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_an_error_row_and_no_success(name: str, value: float, tmp_path: Path) -> None:
    context = ImageAttackContext(
        ATTACKS.create(name, eps="16/255"), lambda asked: Spoiled(value), KnowledgeBase(()), torch.device("cpu"), name, 0, 512
    )
    facts = perturb_images(queries(tmp_path), ["dark"] * 3, context, 8, tmp_path, lambda *_: None)
    log = pq.read_table(tmp_path / "log.parquet").to_pylist()
    assert [row["status"] for row in log] == ["ok", "error:nan", "ok"]
    assert [row["succeeded_u8"] for row in log] == [True, False, True]
    assert not log[1]["succeeded"]
    assert facts["failed"] == 1
    assert "not finite" in log[1]["note"]
    assert "asked in a test" in log[1]["note"]
    assert np.array_equal(decode(tmp_path / str(log[1]["image"])), decode(tmp_path / "1.png"))
    assert [row["failed"] for row in log] == [False, True, False]


class Raising:
    """Links light images to "light"; raises at images that have become lighter than `limit`, and says of dark ones what it should."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        light = pixels.mean((1, 2, 3)) - 0.42
        if bool((light > self.limit).any()):
            raise ValueError("too light")
        return torch.stack([torch.zeros_like(light), light], 1)


def logged(attack: Any, objective: Any, folder: Path, name: str = "pgd") -> list[dict[str, Any]]:
    context = ImageAttackContext(attack, lambda asked: objective, KnowledgeBase(()), torch.device("cpu"), name, 0, 512)
    perturb_images(queries(folder), ["dark"] * 3, context, 8, folder, lambda *_: None)
    rows: list[dict[str, Any]] = pq.read_table(folder / "log.parquet").to_pylist()
    return rows


def test_what_fooled_before_the_linker_raised_is_kept(tmp_path: Path) -> None:
    attack = ATTACKS.create("pgd", eps="40/255", step_size="1/255", steps=40, random_start=False)
    for row in logged(attack, Raising(0.01), tmp_path):
        assert (row["status"], row["failed"], row["succeeded_u8"]) == ("ok", False, True)
        assert 0 < decode(tmp_path / row["image"]).mean() / 255 - 0.42 < 0.01


def test_where_the_linker_raised_before_anything_fooled_the_row_says_what(tmp_path: Path) -> None:
    attack = ATTACKS.create("pgd", eps="40/255", step_size="1/255", steps=40, random_start=False)
    with pytest.raises(RobustMELError, match="ValueError: too light"):
        logged(attack, Raising(-0.005), tmp_path)  # on every image

    class Once(Raising):
        def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
            names = torch.arange(len(pixels)) if rows is None else rows
            light = pixels.mean((1, 2, 3)) - 0.42
            if bool(((light > self.limit) & (names == 1)).any()):
                raise ValueError("too light")
            return torch.stack([torch.zeros_like(light), light], 1)

    log = logged(attack, Once(-0.005), tmp_path / "again")
    assert [row["status"] for row in log] == ["ok", "error:ValueError: too light", "ok"]
    assert [row["failed"] for row in log] == [False, True, False]
    assert [row["succeeded_u8"] for row in log] == [True, False, True]


def test_the_log_says_how_far_the_first_step_came(tmp_path: Path) -> None:
    for row in logged(ATTACKS.create("pgd"), Raising(9.0), tmp_path):
        assert row["rise_predicted"] > 0
        assert row["rise"] == pytest.approx(row["rise_predicted"], rel=1e-3)
    (tmp_path / "b").mkdir()
    assert [row["rise"] for row in logged(ATTACKS.create("square", queries=5), Raising(9.0), tmp_path / "b", "square")] == [
        None
    ] * 3


def test_the_log_names_the_member_that_fooled(tmp_path: Path) -> None:
    attack = ATTACKS.create("autoattack", eps="40/255", steps=5, queries=5)
    assert [row["fooled_by"] for row in logged(attack, Raising(9.0), tmp_path, "autoattack")] == ["apgd"] * 3
    assert [row["fooled_by"] for row in logged(ATTACKS.create("pgd"), Raising(9.0), tmp_path / "c")] == [None] * 3


def test_the_log_says_which_images_were_attacked_smaller_than_they_are(tmp_path: Path) -> None:
    asked = queries(tmp_path)
    write_png(tmp_path / "1.png", np.full((9, 3, 3), 90, dtype=np.uint8))
    attack, objective = ATTACKS.create("noise"), None
    context = ImageAttackContext(attack, objective, KnowledgeBase(()), torch.device("cpu"), "noise", 0, 6)
    perturb_images(asked, ["dark"] * 3, context, 8, tmp_path, lambda *_: None)
    log = pq.read_table(tmp_path / "log.parquet").to_pylist()
    assert [(row["reduced"], row["height"], row["width"]) for row in log] == [(False, 6, 6), (True, 6, 2), (False, 6, 6)]


class Moves:
    """An attack that moves every image by a share of a step of 8 bits, up, and believes that it fooled."""

    modality, writes, needs, version, threat_model, random = "image", ("image",), "scores", 1, "linf", True

    def __init__(self, share: float, draws: bool = False) -> None:
        self.share, self.draws = share, draws

    def perturb(self, pixels: Tensor, objective: Any, gold: Tensor, noise: Any) -> Perturbation:
        moved = pixels + (noise.uniform() if self.draws else 1.0) * self.share / 255
        none = torch.zeros_like(gold)
        return Perturbation(moved, none == 0, none, none, none.float(), none.float(), none)


@pytest.mark.parametrize(
    ("share", "before", "after"), [(0.3, True, False), (0.7, False, True), (0.4, False, False), (1.0, True, True)]
)
def test_success_is_judged_before_and_after_the_picture_is_saved(
    share: float, before: bool, after: bool, tmp_path: Path
) -> None:
    """Fooled is who sees a first pixel that has moved by `share`, within a tenth of a step."""
    wanted = {0.3: 0.3, 0.7: 1.0, 0.4: 0.9, 1.0: 1.0}[share]
    clean = torch.stack([torch.from_numpy(decode(query.image))[0, 0, 0] for query in queries(tmp_path) if query.image])

    def objective(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        names = torch.arange(len(pixels)) if rows is None else rows
        near = 0.05 - (pixels[:, 0, 0, 0] * 255 - clean[names].float() - wanted).abs()
        return torch.stack([torch.zeros_like(near), near], 1)

    log = logged(Moves(share), objective, tmp_path)
    assert [row["succeeded"] for row in log] == [before] * 3
    assert [row["succeeded_u8"] for row in log] == [after] * 3


def test_a_seed_of_the_stage_is_a_draw_of_its_own(tmp_path: Path) -> None:
    drawn = []
    for seed in (0, 1, 1):
        folder = tmp_path / str(len(drawn))
        context = ImageAttackContext(Moves(40.0, draws=True), None, KnowledgeBase(()), torch.device("cpu"), "moves", seed, 512)
        folder.mkdir()
        perturb_images(queries(folder), ["dark"] * 3, context, 8, folder, lambda *_: None)
        drawn.append([decode(folder / "images" / f"q{number}.png").tobytes() for number in range(3)])
    assert drawn[1] == drawn[2]
    assert not set(drawn[0]) & set(drawn[1])
    assert len(set(drawn[0])) == 3


class Fragile:
    """Says "light" of whatever moved at all, by more than `least` in the Euclidean sense."""

    def __init__(self, folder: Path, least: float) -> None:
        self.clean = (
            torch.from_numpy(np.stack([decode(query.image) for query in queries(folder) if query.image])).permute(0, 3, 1, 2)
            / 255
        )
        self.least = least

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        names = torch.arange(len(pixels)) if rows is None else rows
        moved = (pixels - self.clean[names]).square().sum((1, 2, 3)) - self.least**2 + (pixels.mean((1, 2, 3)) - 0.42) * 1e-4
        return torch.stack([torch.zeros_like(moved), moved], 1)


def test_attacks_without_a_radius_have_noise_of_their_length_beside_them(tmp_path: Path) -> None:
    """Who cares for the length alone is fooled by both, who cares for a direction by the attack alone."""
    directed = logged(ATTACKS.create("fmn", steps=40), Raising(9.0), tmp_path, "fmn")
    assert [(row["succeeded_u8"], row["noise_fools"]) for row in directed] == [(True, False)] * 3
    assert {row["noise_fools"] for row in logged(ATTACKS.create("pgd"), Raising(9.0), tmp_path / "pgd")} == {None}
    longer = logged(Moves(3.0), Fragile(tmp_path, 2.9 / 255 * 108**0.5), tmp_path / "longer", "moves")
    assert [(row["succeeded_u8"], row["noise_fools"]) for row in longer] == [(True, True)] * 3
    none = logged(Moves(0.0), Fragile(tmp_path, 0.1), tmp_path / "none", "moves")
    assert [row["noise_fools"] for row in none] == [None] * 3


def test_a_batch_that_outgrows_memory_lets_go_of_it_before_its_halves_are_attacked(tmp_path: Path) -> None:
    class Large:
        pass

    class Greedy(Spoiled):
        def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
            if len(pixels) > 1:
                activations = Large()
                held.append(weakref.ref(activations))
                raise torch.OutOfMemoryError
            assert [reference() for reference in held] == [None] * len(held)
            return super().__call__(pixels, rows)

    held: list[weakref.ref[Large]] = []
    images = []
    for objective, batch in ((Greedy, 3), (Spoiled, 1)):
        context = ImageAttackContext(
            ATTACKS.create("pgd", eps="16/255"), lambda asked, made=objective: made(-1.0), KnowledgeBase(()), torch.device("cpu"),
            "pgd", 0, 512,
        )  # fmt: skip
        folder = tmp_path / objective.__name__
        folder.mkdir()
        perturb_images(queries(tmp_path), ["dark"] * 3, context, batch, folder, lambda *_: None)
        images.append([decode(folder / "images" / f"q{number}.png") for number in range(3)])
    assert held
    assert all(np.array_equal(one, other) for one, other in zip(*images, strict=True))
