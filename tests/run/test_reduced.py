"""Images that are longer than their attack allows: what their reduction costs is not charged to the attack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import robustmel as rm
from robustmel.report import Report

LINKER = Path(__file__).parent / "colour_linker.py"


def ran(data: Path, folder: Path, attack: dict[str, Any], tasks: list[str]) -> Report:
    return rm.run(
        datasets=[{"name": "jsonl", "path": str(data)}], linkers=[f"{LINKER}:ColourLinker"], tasks=tasks,
        attacks=["clean", attack], out=folder / "out", store=folder / "store",
    )  # fmt: skip


def test_the_clean_row_is_also_measured_at_the_size_attacked(colour_data: Path, tmp_path: Path) -> None:
    """Sizes 8 x 8 and 9 x 12, attacked at 10 at most."""
    report = ran(colour_data, tmp_path, {"name": "noise", "eps": "8/255", "max_side": 10}, ["I2T"])
    rows = {row.attack: row for row in report.summaries}
    assert set(rows) == {"clean", "noise", "clean-10px"}
    assert (rows["clean"].reduced, rows["noise"].reduced, rows["clean-10px"].reduced) == (0, 12, 12)
    assert rows["clean-10px"].median_linf == 0.0
    log = next(path for path in (tmp_path / "store").rglob("log.parquet"))
    assert sorted(pq.read_table(log).column("reduced").to_pylist()) == [False] * 6 + [True] * 12
    assert any("Images were scaled down before the attack" in note for note in report.notes)


def test_where_nothing_is_reduced_nothing_is_added(colour_data: Path, tmp_path: Path) -> None:
    report = ran(colour_data, tmp_path, {"name": "noise", "eps": "8/255", "max_side": 12}, ["I2T"])
    assert [row.attack for row in report.summaries] == ["clean", "noise"]
    assert not any("reduced" in note for note in report.notes)


def test_a_task_without_images_has_no_such_row(colour_data: Path, tmp_path: Path) -> None:
    report = ran(colour_data, tmp_path, {"name": "noise", "eps": "8/255", "max_side": 10}, ["I2T", "T2T"])
    assert {row.task for row in report.summaries if row.attack == "clean-10px"} == {"I2T"}
