"""What scripts call, beyond what the pages and the notebook run."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import robustmel as rm
from robustmel.defences.none import Undefended
from robustmel.errors import UsageError
from robustmel.types import Prediction, Query


def test_the_report_of_a_run_folder_is_opened_again_and_says_the_same(tmp_path: Path) -> None:
    first = rm.run(
        datasets=["world-news"], linkers=["clip-world"], tasks=["T2T"], limit=6, out=tmp_path / "out", store=tmp_path / "store"
    )
    again = rm.report(tmp_path / "out")
    assert again.to_json() == first.to_json()
    assert (tmp_path / "out" / "report" / "index.html").is_file()


def test_a_defence_may_be_an_object(tmp_path: Path) -> None:
    data = rm.load_dataset("world-news", split="test")[:4]
    report = rm.run(datasets=[data], linkers=["clip-world"], tasks=["T2T"], defences=[Undefended(data.kb)], store=tmp_path)
    assert [row.defence for row in report.summaries] == ["Undefended"]


def test_a_linker_without_a_name_leaves_nothing_behind_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class First:
        tasks, version = ("T2T",), 1

        def link(self, queries: list[Query], task: str) -> list[Prediction]:
            return [Prediction(query.id, query.candidates[:1], (1.0,)) for query in queries]

    monkeypatch.chdir(tmp_path)
    data = rm.load_dataset("world-news", split="test")[:4]
    with caplog.at_level(logging.WARNING):
        answers = rm.link(First(), data, task="T2T")
    assert rm.score(answers, data).n == 4
    assert "First has no identity" in caplog.text
    assert not (tmp_path / ".robustmel").exists()


def test_a_grid_file_and_axes_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="not both"):
        rm.run("grid.toml", limit=3)
