"""What a plan says of time: from a pass that is tried, before anything was ever made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from robustmel.attacks.image.cw import CarliniWagner
from robustmel.attacks.image.pgd import PGD
from robustmel.cli.commands import app
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
    passes, hours = (float(number.replace(",", "")) for number in re.findall(r"[\d,.]*\d", line)[:2])
    assert passes > 18 * 1_000_000
    assert hours == pytest.approx(passes * 0.1 / 4 / 3600, rel=0.15)  # a batch of four every tenth of a second
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


def test_a_pace_that_is_given_makes_hours_and_keep_says_what_stays(colour_data: Path, tmp_path: Path) -> None:
    table: dict[str, Any] = {
        "datasets": [{"name": "jsonl", "path": str(colour_data)}],
        "linkers": ["clip-world", "siglip-world"],
    }
    table |= {"tasks": ["I2T", "IT2T"], "attacks": ["clean", {"name": "pgd", "steps": 20}, {"name": "cw", "steps": 5}]}
    table |= {"seeds": [0, 1, 2], "keep": "sample"}
    builder = Builder(Store(tmp_path), "cpu")
    plan = expand(parse_grid(table), builder)
    said = outline(plan, builder.store, builder=builder, keep="sample", paces={"clip-world": 100.0, "siglip-world": 300.0})
    # By hand: 18 mentions, images made on the image and on the fused score; PGD draws, so it has three seeds, CW has one.
    pgd, cw = (made.passes() for made in (PGD(steps=20), CarliniWagner(steps=5)))
    passes = 18 * (2 * (3 * pgd + cw) + 2 + 2 * (3 + 1) + (3 + 1))
    assert (
        f"time: clip-world takes up to {passes:,} passes, {100 * passes / 3600:,.1f} hours on one worker at the pace given"
        in said
    )
    assert f"time: {2 * passes:,} passes in all, {400 * passes / 3600:,.1f} hours on one worker" in said
    images = 18 * 2 * 2 * 4
    assert f"disk: about {images * 1e5 / 1e9:.2f} GB for {images} perturbed images; at the end, keep" in said
    assert f'keep = "sample" leaves {min(images, 20 * 16) * 1e5 / 1e9:.2f} GB' in said


def test_totals_by_kind_and_linker_come_first_and_the_list_on_request(colour_data: Path, tmp_path: Path) -> None:
    table: dict[str, Any] = {"datasets": [{"name": "jsonl", "path": str(colour_data)}], "tasks": ["I2T", "IT2T"]}
    table |= {"linkers": ["clip-world", "siglip-world"], "seeds": [0, 1, 2]}
    builder, lengths = Builder(Store(tmp_path), "cpu"), set()
    paces = {"clip-world": 1.0, "siglip-world": 1.0}
    for attacks in (2, 5):
        table["attacks"] = ["clean", *({"name": "pgd", "steps": 10 + more, "label": f"pgd {more}"} for more in range(attacks))]
        plan = expand(parse_grid(table), builder)
        said = outline(plan, builder.store, paces=paces)
        # By hand: a set on the image and one on the fused score, each for three seeds; answers to a set of the image in both tasks.
        sets, answers = 2 * 3 * attacks, 3 * 3 * attacks + 2
        counts = (
            {"candidates": 1} | {f"variant, {name}": sets for name in paces} | {f"answers, {name}": answers for name in paces}
        )
        total = sum(counts.values())
        first, *lines = said.splitlines()
        assert first == f"{len(plan.cells)} cells, {total} artefacts, {total} missing"
        assert lines[: len(counts)] == [f"  {kind}: {count}" for kind, count in counts.items()]
        lengths.add(len(lines))
        listed = outline(plan, builder.store, listed=True, paces=paces)
        assert listed.startswith(f"{said}\nmissing:\n")
        assert len(listed.splitlines()) - len(said.splitlines()) == 1 + total
    assert len(lengths) == 1


def test_a_pace_of_a_linker_that_is_not_there_or_of_no_number_is_refused(tmp_path: Path) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text('datasets = ["world-news"]\nlinkers = ["clip-world"]\nattacks = ["clean"]\nlimit = 2\n')
    for pace, words in (
        ("clip=1", "which the grid has not"),
        ("clip-world=fast", "no number of seconds"),
        ("clip-world", "names no pace"),
    ):
        result = CliRunner().invoke(app, ["plan", str(grid), "--store", str(tmp_path / "store"), "--pace", pace])
        assert result.exit_code != 0
        assert words in str(result.exception)
