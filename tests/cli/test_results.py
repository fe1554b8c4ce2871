"""`report` cut other ways, and predictions made elsewhere, as a user meets them: exit codes, streams, sentences."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robustmel.cli.entry import run

LINKER = f"{Path(__file__).parents[1] / 'run' / 'colour_linker.py'}:ColourLinker"
COLOURS = {"red": (230, 25, 25), "green": (25, 180, 50), "blue": (25, 50, 200)}


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A perturbed set that the command line itself has written, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "images").mkdir(parents=True)
    mentions = []
    for number, (name, colour) in enumerate(COLOURS.items()):
        Image.fromarray(np.full((8, 8, 3), colour, np.uint8)).save(tmp_path / "data" / "images" / f"{number}.png")
        mention = {"id": f"m{number}", "gold": name, "surface": name, "text": f"The {name} flag.", "split": "test"}
        mentions.append(mention | {"image": f"images/{number}.png", "candidates": list(COLOURS)})
    entities = [
        {"id": name, "name": name, "description": " ".join(str(one / 255) for one in rgb)} for name, rgb in COLOURS.items()
    ]
    for file, rows in (("mentions", mentions), ("entities", entities)):
        (tmp_path / "data" / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = '{name = "jsonl", path = "data"}'
    attack = '{name = "pgd", eps = 0.6, step_size = 0.1, steps = 3}'
    assert run(["perturb", dataset, "--linker", LINKER, "--attack", attack, "--out", "set", "--device", "cpu"]) == 0
    return tmp_path / "set"


def predictions(published: Path, answers: dict[str, str], name: str = "p.jsonl") -> str:
    header = {"set": json.loads((published / "perturbation.json").read_text())["set"], "linker": "mine"}
    rows = [header, *({"id": key, "prediction": value} for key, value in answers.items())]
    (published.parent / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def test_predictions_from_elsewhere_are_scored_and_what_is_wrong_with_them_told(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = predictions(published, {"m0": "red", "m1": "red", "m2": "blue"})
    part = predictions(published, {"m0": "red"}, "part.jsonl")
    capsys.readouterr()
    assert run(["report", "set", "--predictions", whole, "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["linker"], row["n"], row["correct"], row["errors"]) == ("mine", "3", "2.0", "0")
    assert run(["report", "set", "--predictions", part, "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["errors_by_kind"] == {"missing": 2}


def test_without_a_set_the_file_s_own_folder_is_taken(published: Path) -> None:
    assert run(["report", "--predictions", "set/predictions.example.jsonl"]) == 0  # all three mentions are in the example
    assert run(["report", "--predictions", predictions(published, {"m0": "red"})]) == 3


def test_the_same_cuts_can_be_made_of_them(published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = predictions(published, {"m0": "red", "m1": "red", "m2": "blue"})
    capsys.readouterr()
    assert run(["report", "set", "--predictions", name, "--by", "surface", "--format", "csv"]) == 0
    assert [row["group"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == [
        "the entity's name",
        "another wording",
    ]
    assert run(["report", "set", "--predictions", name, "--compare", "context"]) == 0
    assert "Nothing to show" in capsys.readouterr().out
    assert run(["view", "set", "--predictions", name]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "name one run folder"),
        (["set", "--clean", "p.jsonl"], 2, "--clean needs --predictions"),
        (["set", "--predictions", "p.jsonl", "--by", "type", "--compare", "context"], 2, "one at a time"),
        (["set", "--predictions", "p.jsonl", "--by", "typ"], 2, 'Did you mean "type"'),
        (["set", "--predictions", "p.jsonl", "--compare", "contexts"], 2, 'Did you mean "context"'),
        (["data", "--predictions", "p.jsonl"], 3, "not a published set"),
        (["set", "--predictions", "nowhere.jsonl"], 3, "nowhere.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(
    published: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    predictions(published, {"m0": "red", "m1": "red", "m2": "blue"})
    assert run(["report", *arguments]) == code
    assert says in capsys.readouterr().err
