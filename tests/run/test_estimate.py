"""What a plan says of time: from a pass that is tried, before anything was ever made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from robustmel.run import estimate
from robustmel.run.builder import Builder
from robustmel.run.estimate import outline
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.store import Store

LINKER = str(Path(__file__).parent / "colour_linker.py")


class Clock:
    """Goes on by a tenth of a second every time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.1
        return self.now


def test_the_time_is_passes_times_a_pass_that_was_tried(
    colour_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table: dict[str, Any] = {"datasets": [{"name": "jsonl", "path": str(colour_data)}], "tasks": ["I2T"], "batch_size": 4}
    table |= {"linkers": [f"{LINKER}:ColourLinker"], "attacks": [{"name": "pgd", "steps": 1_000_000}]}
    builder = Builder(Store(tmp_path / "store"), "cpu")
    plan = expand(parse_grid(table), builder)
    assert "its speed is known after its first attack" in outline(plan, builder.store)
    monkeypatch.setattr(estimate, "time", Clock())
    said = outline(plan, builder.store, builder=builder)
    (line,) = (line for line in said.splitlines() if line.startswith("time:"))
    passes, minutes = (float(number.replace(",", "")) for number in re.findall(r"[\d,.]*\d", line)[:2])
    assert passes > 18 * 1_000_000
    assert minutes == pytest.approx(passes * 0.1 / 4 / 60, rel=0.15)  # a batch of four every tenth of a second
    assert not (tmp_path / "store" / "variant").exists()


def test_a_linker_without_an_image_to_try_has_no_pace(colour_data: Path, tmp_path: Path) -> None:
    for image in (colour_data / "images").iterdir():
        image.unlink()
    table = {
        "datasets": [{"name": "jsonl", "path": str(colour_data)}],
        "linkers": [f"{LINKER}:ColourLinker"],
        "attacks": ["pgd"],
    }
    builder = Builder(Store(tmp_path / "store"), "cpu")
    assert "its speed is known" in outline(expand(parse_grid(table), builder), builder.store, builder=builder)
