"""A starter grid runs as it is, for the embedded world, for data and for a linker of one's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robustmel.cli.entry import run
from robustmel.cli.init import recognise
from robustmel.report.comparisons.kinds import QUESTIONS
from robustmel.report.slices.grouping import BY, POISONED_DEMOS
from robustmel.run.grid import read_grid
from robustmel.run.grid_file import GridTable
from robustmel.run.grid_schema import grid_schema

COLOUR_LINKER = Path(__file__).parents[1] / "run" / "colour_linker.py"
EXAMPLES = Path(__file__).parents[2] / "examples"
GRIDS = sorted(Path(__file__).parents[2].glob("src/robustmel/world/grids/*.toml"))


def own_format(folder: Path, candidates: bool = True) -> Path:
    """Three coloured pictures in the project's own format."""
    (folder / "images").mkdir(parents=True)
    colours = {"red": (230, 25, 25), "green": (25, 180, 50), "blue": (25, 50, 200)}
    mentions = []
    for name, colour in colours.items():
        Image.fromarray(np.full((8, 8, 3), colour, np.uint8)).save(folder / "images" / f"{name}.png")
        listed = {"candidates": list(colours)} if candidates else {}
        mention = {"id": name, "gold": name, "surface": name, "text": f"The {name} flag.", "image": f"images/{name}.png"}
        mentions.append(json.dumps(mention | listed | {"split": "test"}))
    entities = [
        json.dumps({"id": name, "name": name, "description": " ".join(str(part / 255) for part in colour)})
        for name, colour in colours.items()
    ]
    (folder / "mentions.jsonl").write_text("\n".join(mentions))
    (folder / "entities.jsonl").write_text("\n".join(entities))
    return folder


def rows_of_the_run(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert run(["run", "grid.toml", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert run(["report", "runs/grid", "--format", "json"]) == 0
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    assert all(row["errors"] == 0 for row in rows)
    return rows


def test_the_starter_grid_runs_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init"]) == 0
    assert capsys.readouterr().out == "grid.toml\n"
    rows = rows_of_the_run(capsys)
    assert {row["attack"] for row in rows} == {"clean", "noise-normal", "pgd-normal"}
    assert {row["n"] for row in rows} == {16}


def test_a_grid_is_overwritten_only_by_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "grid.toml").write_text("mine")
    assert run(["init", str(tmp_path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "grid.toml").read_text() == "mine"
    assert run(["init", str(tmp_path), "--force"]) == 0
    assert read_grid(tmp_path / "grid.toml").limit == 16


@pytest.mark.parametrize("candidates", [True, False], ids=["candidates given", "no candidates"])
def test_own_data_and_an_own_linker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], candidates: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    own_format(tmp_path / 'my "data"', candidates)
    shutil.copyfile(COLOUR_LINKER, tmp_path / "mine.py")
    assert run(["init", "--data", 'my "data"', "--linker", "mine.py:ColourLinker"]) == 0
    grid = tomllib.loads(Path("grid.toml").read_text())
    assert grid["datasets"] == [{"name": "jsonl", "path": 'my "data"'}]
    assert grid.get("candidates", "given") == ("given" if candidates else {"name": "bm25", "k": 10})
    assert {row["n"] for row in rows_of_the_run(capsys)} == {3}


def test_a_linker_without_gradients_gets_attacks_it_can_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(EXAMPLES / "own_linker.py", tmp_path / "mine.py")
    own_format(tmp_path / "data")
    assert run(["init", "--data", "data", "--linker", "mine.py:MyLinker"]) == 0
    grid = read_grid(Path("grid.toml"))
    assert {spec.attack.name: spec.source for spec in grid.attacks} == {
        "clean": "victim",
        "noise": "victim",
        "square": "victim",
        "pgd": "clip-world",
    }
    assert {row["n"] for row in rows_of_the_run(capsys)} == {3}


def test_a_published_layout_is_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "wiki"
    folder.mkdir()
    (folder / "Wikidata-MEL.json").write_text("[]")
    assert recognise(folder) == {"name": "wikidata-mel", "path": str(folder)}
    (folder / "images").mkdir()
    assert recognise(folder)["images"] == str(folder / "images")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--data", "nowhere"], 3, "no data at nowhere"),
        (["--data", "."], 3, "no known data set"),
        (["--linker", "clip-wrld"], 2, 'Did you mean "clip-world"?'),
        (["--linker", "clip"], 2, 'needs the parameter "model"'),
    ],
)
def test_wrong_requests_write_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", *arguments]) == code
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_every_key_of_the_schema_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].endswith("draft/2020-12/schema")
    assert schema["properties"].keys() == GridTable.model_fields.keys()
    assert all(described.get("description") for described in schema["properties"].values())
    attack = schema["properties"]["attacks"]["items"]["anyOf"][-1]["properties"]
    assert all(described.get("description") for described in attack.values())
    assert "$ref" not in json.dumps(schema)


@pytest.mark.parametrize("grid", [*sorted(EXAMPLES.glob("*.toml")), *GRIDS], ids=lambda path: path.name)
def test_grids_are_valid_by_the_schema(grid: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    written = tomllib.loads(grid.read_text())
    if "datasets" not in written:
        pytest.skip("a recipe")
    validator = jsonschema.Draft202012Validator
    validator.check_schema(grid_schema())
    validator(grid_schema()).validate(written)
    assert not validator(grid_schema()).is_valid(written | {"limt": 3})


def shell(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    start = "import sys; sys.argv[0] = 'robustmel'; from robustmel.cli.entry import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", start, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, check=False)


@pytest.mark.parametrize(
    ("words", "completed"),
    [("linkers clip-w", "clip-world"), ("attacks autoa", "autoattack"), ("datasets world-n", "world-news"), ("sche", "schema")],
)
def test_the_shell_completes_names_without_torch(words: str, completed: str) -> None:
    line = f"robustmel {words}"
    asked = shell(_ROBUSTMEL_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1))
    assert asked.stdout.split() == [completed]
    assert "torch" not in asked.stderr


def test_h_is_help_and_imports_no_torch() -> None:
    asked, same = shell("-h"), shell("--help")
    assert asked.returncode == 0
    assert asked.stdout == same.stdout
    assert "torch" not in asked.stderr


def test_the_help_of_report_names_its_choices() -> None:
    """Those that it takes: a word in the help that were no choice would be refused here."""
    told = shell("report", "--help").stdout
    for option, choices in (("--by", {*BY, POISONED_DEMOS}), ("--compare", {*QUESTIONS})):
        written = re.search(rf"{option} +<([^>]+)>", told)
        assert written is not None
        assert {choice.partition("[")[0] for choice in written[1].split("|")} == choices
    assert "list[" not in told.partition("Options:")[2]


@pytest.mark.parametrize("command", ["linkers", "schema"])
def test_a_closed_pipe_is_no_error(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        ended = subprocess.run(
            [sys.executable, "-m", "robustmel", command], stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (ended.returncode, ended.stderr) == (0, "")
