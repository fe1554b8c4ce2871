from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.images import decode, write_png
from robustmel.kb import KnowledgeBase
from robustmel.run.stages.perturb_images import ImageAttackContext, perturb_images
from robustmel.types import Query


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
