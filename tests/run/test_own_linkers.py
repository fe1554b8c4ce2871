"""What linkers of one's own hand back, through a whole run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import robustmel as rm
from robustmel.cli.entry import run as command

FILE = Path(__file__).with_name("own_linkers.py")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty mentions of e0 among ten candidates; the text says at which place it stands: at the first for seven."""
    folder = tmp_path / "data"
    folder.mkdir()
    names = [f"e{number}" for number in range(10)]
    mentions = [
        {
            "id": f"m{number}",
            "gold": "e0",
            "surface": "it",
            "text": f"mention {number} at {0 if number < 7 else 1 + number % 9}",
        }
        | {"candidates": names, "split": "test"}
        for number in range(40)
    ]
    (folder / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mentions))
    (folder / "entities.jsonl").write_text("".join(json.dumps({"id": name, "name": name}) + "\n" for name in names))
    return folder


def reported(data: Path, **parameters: Any) -> rm.Report:
    linker = {"name": f"{FILE}:HairsApart", "label": "mine", **parameters}
    return rm.run(
        datasets=[{"name": "jsonl", "path": str(data)}], linkers=[linker], attacks=["clean"], tasks=["T2T"],
        out=data.parent / "out", store=data.parent / "store",
    )  # fmt: skip


@pytest.mark.parametrize("form", ["float", "numpy", "torch", "longdouble"])
@pytest.mark.parametrize(("top", "step"), [(1.0, 1e-9), (1e38, 1e36), (1e300, 1e298)])
def test_scores_a_hair_apart_or_huge_are_no_ties(form: str, top: float, step: float, data: Path) -> None:
    (row,) = reported(data, form=form, top=top, step=step).summaries
    assert row.accuracy == pytest.approx(0.175)  # 10.0 % if all ten were tied
    assert (row.ties, row.errors) == (0, 0)
    (answers,) = (data.parent / "store" / "answers").rglob("answers.parquet")
    for scores in pq.read_table(answers)["scores"].to_pylist():
        assert scores == [top - step * rank for rank in range(10)]


def test_distances_are_scored_as_they_stand_and_noted(data: Path) -> None:
    report = reported(data, step=0.1, distances=True)
    assert "mine: 40 answers rank entities against their scores" in " ".join(report.every_note)
    assert "against their scores" in (data.parent / "out" / "report" / "index.html").read_text("utf-8")
    assert "contradict" not in " ".join(reported(data, step=0.1).every_note)


def test_answers_without_numbers_are_errors_and_no_differing_answers(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f'datasets = [{{name = "jsonl", path = "{data}"}}]\ntasks = ["T2T"]\nattacks = ["clean"]\n'
        f'linkers = [{{name = "{FILE}:HairsApart", failing = true, label = "mine"}}]\n'
    )
    where = ["--out", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    assert command(["run", str(grid), *where, "--max-errors", "19"]) == 1
    assert "20 rows have errors" in capsys.readouterr().err
    assert command(["run", str(grid), *where, "--max-errors", "20"]) == 0
    report = rm.report(tmp_path / "out")
    assert [row.errors_by_kind for row in report.summaries] == [{"nan_scores": 20}]
    assert not report.flags


@pytest.mark.parametrize(
    ("linker", "planned", "sentence"),
    [
        ("NoTasks", 2, "it has no class attribute tasks naming what it answers"),
        ("Dicts", 0, "link must return a list of robustmel.types.Prediction, not a list of dict"),
        ("Unbuildable", 0, "it raises ZeroDivisionError: by design"),
        ("ExitsWhenBuilt", 0, "it raises SystemExit: 7"),
        ("ExitsWhenAsked", 0, "SystemExit: 7"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_plan_and_run_say_what_linkers_says_of_a_broken_class(
    linker: str, planned: int, sentence: str, workers: str, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f'datasets = [{{name = "jsonl", path = "{data}"}}]\ntasks = ["T2T"]\nattacks = ["clean"]\nbatch_size = 8\n'
        f'linkers = ["{FILE}:{linker}"]\n'
    )
    where = ["--store", str(tmp_path / "store")]
    assert command(["linkers", f"{FILE}:{linker}"]) == 1
    assert sentence in capfd.readouterr().out
    assert command(["plan", str(grid), *where]) == planned
    assert (sentence in capfd.readouterr().err) == (planned != 0)
    assert command(["run", str(grid), *where, "--out", str(tmp_path / "out"), "--workers", workers]) in (1, 2)
    told = capfd.readouterr().err
    assert sentence in told
    assert "bug" not in told


def test_a_linker_that_changes_the_working_directory_moves_no_folder(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "away").mkdir()
    (tmp_path / "wanderer.py").write_text(
        "import os\n"
        "from robustmel.types import Prediction\n\n\n"
        "class Wanderer:\n    version = 1\n    tasks = ('T2T',)\n\n"
        "    def __init__(self, kb, /):\n        os.chdir('away' if os.path.isdir('away') else '.')\n\n"
        "    def link(self, queries, task):\n        os.chdir('/')\n"
        "        return [Prediction(query.id, ('e0',), (1.0,)) for query in queries]\n"
    )
    report = rm.run(
        datasets=[{"name": "jsonl", "path": "data"}], linkers=["wanderer.py:Wanderer"], attacks=["clean"], tasks=["T2T"],
        out="out", store="store",
    )  # fmt: skip
    assert [(row.n, row.accuracy) for row in report.summaries] == [(40, 1.0)]
    assert {path.name for path in tmp_path.iterdir()} == {"data", "away", "wanderer.py", "out", "store"}
    assert not list((tmp_path / "away").iterdir())


WANDERERS = """
import os
from robustmel.linkers.clip import CLIP

{at_import}

class Gradients(CLIP):
    def __init__(self, kb, /, model="world:clip-world"):
        super().__init__(kb, model=model)
        {when_built}

    def logits(self, pixels, queries, task):
        {when_asked}
        return super().logits(pixels, queries, task)

class Scores:
    version = 1
    tasks = ("I2T",)

    def __init__(self, kb, /):
        self.clip = CLIP(kb, model="world:clip-world")
        {when_built}

    def link(self, queries, task):
        return self.clip.link(queries, task)

    def scores(self, queries, task):
        {when_asked}
        return self.clip.scores(queries, task)
"""


@pytest.mark.parametrize("kind", ["Gradients", "Scores"])
@pytest.mark.parametrize("place", ["at_import", "when_built", "when_asked"])
def test_wherever_a_linker_goes_the_images_of_a_relative_path_are_found(
    kind: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["export", "world-news", "--split", "test", "--out", "data"]) == 0
    places = {"at_import": "", "when_built": "pass", "when_asked": "pass"} | {place: "os.chdir('/')"}
    (tmp_path / "wanderers.py").write_text(WANDERERS.format(**places))
    report = rm.run(
        datasets=[{"name": "jsonl", "path": "data"}], linkers=[f"wanderers.py:{kind}"], tasks=["I2T"], limit=4, store="store",
        attacks=["clean", {"name": "square", "eps": "8/255", "queries": 3}],
    )  # fmt: skip
    assert [(row.n, row.errors) for row in report.summaries] == [(4, 0), (4, 0)]
    assert Path.cwd() == tmp_path


def test_a_class_that_inherits_from_clip_keeps_its_parameter_model(data: Path, tmp_path: Path, capsys: Any) -> None:
    """Its weights enter keys by that parameter; a class without the others is as good as any."""
    text = "from robustmel.linkers.clip import CLIP\n\nclass Mine(CLIP):\n    def __init__(self, kb, /, {0}):\n"
    text += "        super().__init__(kb, model={1})\n"
    grid = tmp_path / "grid.toml"
    (tmp_path / "mine.py").write_text(text.format("scale=1.0", "'world:clip-world'"))
    grid.write_text(f"datasets = [{{name = 'jsonl', path = '{data}'}}]\nlinkers = ['{tmp_path / 'mine.py'}:Mine']\n")
    for asked in (["linkers", f"{tmp_path / 'mine.py'}:Mine"], ["plan", str(grid)], ["run", str(grid)]):
        assert command(asked) != 0
        printed = capsys.readouterr()
        assert "its constructor lacks the parameter model" in printed.out + printed.err
    (tmp_path / "whole.py").write_text(text.format("model='world:clip-world'", "model"))
    assert command(["linkers", f"{tmp_path / 'whole.py'}:Mine"]) == 0
