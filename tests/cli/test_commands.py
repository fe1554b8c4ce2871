"""The command line as a user meets it: exit codes, streams, sentences."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import robustmel
from robustmel.cli.entry import run
from robustmel.records.record import ENTITY_KEYS, MENTION_KEYS

COLOUR_LINKER = Path(__file__).parents[1] / "run" / "colour_linker.py"
CHECKPOINTS = Path(robustmel.__file__).parent / "world" / "checkpoints"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a small data set, a linker in a file, and a grid over both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "images").mkdir(parents=True)
    colours = {"red": (230, 25, 25), "green": (25, 180, 50), "blue": (25, 50, 200)}
    mentions = []
    for number, (name, colour) in enumerate(colours.items()):
        Image.fromarray(np.full((8, 8, 3), colour, np.uint8)).save(tmp_path / "data" / "images" / f"{number}.png")
        mentions.append(
            {
                "id": str(number),
                "gold": name,
                "surface": name,
                "text": f"The {name} flag.",
                "image": f"images/{number}.png",
                "candidates": list(colours),
                "split": "test",
            }
        )
    entities = [
        {"id": name, "name": name, "description": " ".join(str(one / 255) for one in colour)}
        for name, colour in colours.items()
    ]
    (tmp_path / "data" / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mentions))
    (tmp_path / "data" / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in entities))
    shutil.copyfile(COLOUR_LINKER, tmp_path / "mine.py")
    (tmp_path / "grid.toml").write_text(
        'datasets = [{name = "jsonl", path = "data"}]\nlinkers = ["mine.py:ColourLinker"]\ntasks = ["I2T", "T2T"]\n'
        'attacks = ["clean", {name = "pgd", eps = 0.3, step_size = 0.1, steps = 5}]\n'
    )
    return tmp_path


def test_run_report_view(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "grid.toml", "--device", "cpu"]) == 0
    told = capsys.readouterr()
    page = Path(told.out.splitlines()[-1])
    assert page == Path("runs/grid/report/index.html")
    assert "Content-Security-Policy" in page.read_text()
    assert "ColourLinker" in told.out
    assert "pgd" in told.err
    for wanted in ("table", "markdown", "latex", "csv", "json"):
        assert run(["report", "runs/grid", "--format", wanted]) == 0
        assert "ColourLinker" in capsys.readouterr().out
    assert run(["report", "runs/grid", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    fields = {
        "dataset",
        "task",
        "linker",
        "source",
        "defence",
        "attack",
        "threat_model",
        "budget",
        "n",
        "correct",
        "ties",
        "errors",
    }
    fields |= {"accuracy", "ci_low", "ci_high", "hits_at_k", "mrr", "seeds"}
    assert all(fields <= row.keys() for row in rows)
    assert {(row["task"], row["attack"]): row["n"] for row in rows} == dict.fromkeys(
        [(t, a) for t in ("I2T", "T2T") for a in ("clean", "pgd")], 3
    )
    assert run(["view", "runs/grid"]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()


def test_plan_says_what_is_missing_and_then_nothing_is(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "grid.toml"]) == 0
    assert "5 missing" in capsys.readouterr().out
    assert not (workplace / ".robustmel").exists()
    run(["run", "grid.toml"])
    capsys.readouterr()
    assert run(["plan", "grid.toml"]) == 0
    assert "0 missing" in capsys.readouterr().out


def test_the_own_format_is_explained_by_the_command_that_errors_name(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "jsonl", "--path", "nowhere"]) == 3
    assert "`robustmel datasets jsonl`" in capsys.readouterr().err
    assert run(["datasets", "jsonl"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for key in (*MENTION_KEYS, *ENTITY_KEYS):
        assert re.search(rf"\b{key}\b", told), key


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "absent.toml"], 3, "no grid file absent.toml"),
        (["run"], 2, "grid"),
        (["report", "nowhere"], 3, "nowhere"),
        (["report", "nowhere", "--format", "pdf"], 2, "Invalid value for '--format': 'pdf' is not one of 'table', 'markdown'"),
        (["demo", "--workers", "a"], 2, "'--workers': it must be a whole number"),
        (["demo", "--workers", "0"], 2, "'--workers': it must be at least 1"),
        (["perturb", "d", "--linker", "x", "--attack", "pgd", "--out", "o", "--view", "x"], 2, "'--view': 'x' is not one of"),
        (["check", "jsonl", "--path", "nowhere"], 3, "nowhere"),
        (["check", "jsnl", "--path", "data"], 2, 'Did you mean "jsonl"?'),
        (["check", "jsonl", "--path", "data", "--field", "surface"], 2, "--field surface=mention"),
        (["check", "jsonl", "--path", "data", "--field", "surfce=mention"], 2, "surfce"),
        (["linkers", "clip-wrld"], 2, 'Did you mean "clip-world"?'),
        (["attacks", "pgdd"], 2, 'Did you mean "pgd"?'),
        (["demo", "--quick", "--full"], 2, "exclude"),
        (["demo", "--full", "--transfer"], 2, "exclude"),
        (["report", "nowhere", "--transfer", "--norms"], 2, "one at a time"),
        (["perturb", "{name = ", "--linker", "x", "--attack", "pgd", "--out", "o"], 2, "not an inline table"),
        (["train", "dual-encoder", "--out", "o", "--dataset", "world-news"], 2, "--family"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)  # fmt: skip
def test_wrong_requests(
    workplace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run(arguments) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert "Traceback" not in told.err


def test_debug_shows_the_traceback(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "absent.toml", "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_errored_rows_make_the_exit_code_one(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "data" / "images" / "1.png").unlink()
    assert run(["run", "grid.toml"]) == 1
    assert "2 rows have errors" in capsys.readouterr().err
    assert run(["run", "grid.toml", "--max-errors", "2"]) == 0


def test_no_mention_left_is_n_a_and_exit_code_one(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "grid.toml").write_text((workplace / "grid.toml").read_text() + "limit = 0\n")
    assert run(["run", "grid.toml"]) == 1
    told = capsys.readouterr()
    assert "n/a" in told.out
    assert run(["report", "runs/grid", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out, parse_constant=lambda constant: pytest.fail(f"{constant} in JSON"))
    assert {row["accuracy"] for row in rows} == {None}


@pytest.mark.parametrize("folder", ["with space", "ünïcode ", "a" * 120, "deep/../side"])
def test_odd_folders(workplace: Path, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    (workplace / "deep").mkdir()
    assert run(["run", "grid.toml", "--out", f"runs/{folder}/out", "--store", f"stores/{folder}"]) == 0
    assert run(["report", f"runs/{folder}/out", "--format", "json"]) == 0


def test_a_symlinked_data_set(workplace: Path) -> None:
    (workplace / "data").rename(workplace / "elsewhere")
    (workplace / "data").symlink_to(workplace / "elsewhere")
    assert run(["run", "grid.toml"]) == 0


def test_a_run_folder_that_cannot_be_written(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "file").write_text("in the way")
    assert run(["run", "grid.toml", "--out", "file"]) == 3
    assert "file" in capsys.readouterr().err


def test_perturb_writes_a_data_set_others_can_load(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    attack = '{name = "pgd", eps = 0.3, step_size = 0.1, steps = 5}'
    command = [
        "perturb",
        '{name = "jsonl", path = "data"}',
        "--linker",
        "mine.py:ColourLinker",
        "--attack",
        attack,
        "--out",
        "perturbed",
    ]
    assert run(command) == 0
    capsys.readouterr()
    assert run(["check", "jsonl", "--path", "perturbed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mentions"] == 3
    facts = json.loads((workplace / "perturbed" / "perturbation.json").read_text())
    assert facts["states"] == {"ok": 3}
    assert len(facts["images"]) == 3
    clean = np.asarray(Image.open(workplace / "data" / "images" / "0.png"), int)
    perturbed = sorted((workplace / "perturbed" / "images").iterdir())
    assert all(np.asarray(Image.open(path)).shape == clean.shape for path in perturbed)
    (workplace / "perturbed" / "perturbation.json").unlink()
    assert run(command) == 3


def test_linkers_are_listed_and_checked(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["linkers"]) == 0
    assert "clip-world" in capsys.readouterr().out
    (workplace / "poor.py").write_text("class Poor:\n    '''Offers nothing.'''\n    def __init__(self, kb, /): pass\n")
    assert run(["linkers", "poor.py:Poor"]) == 1
    assert "link" in capsys.readouterr().out


def test_a_model_s_folder_is_tried(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(CHECKPOINTS / "clip-world", workplace / "model")
    assert run(["linkers", "model"]) == 0
    assert "conformance: no problems" in capsys.readouterr().out
    options = workplace / "model" / "preprocessor_config.json"
    known = options.read_text()
    options.write_text(json.dumps({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 48}}))
    assert run(["linkers", "model"]) == 0
    assert "gradients: none, because its image processor (ConvNextImageProcessorPil)" in capsys.readouterr().out
    options.write_text(known.replace("48", "40"))
    assert run(["linkers", "model"]) == 1
    assert "its image tower does not take the 40x40" in capsys.readouterr().out
    (workplace / "model" / "config.json").write_text('{"model_type": "gpt2"}')
    assert run(["linkers", "model"]) == 2
    assert "a model of type gpt2, which no linker reads" in capsys.readouterr().err


def test_training_does_not_write_over_what_is_there(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workplace / "keep").mkdir()
    (workplace / "keep" / "README.md").write_text("mine")
    command = ["train", "dual-encoder", "--family", "clip", "--out", "keep", "--dataset", '{name = "jsonl", path = "data"}']
    assert run(command) == 2
    assert "choose another --out" in capsys.readouterr().err
    assert (workplace / "keep" / "README.md").read_text() == "mine"
    assert run([*command[:2], "--base", "world:clip-world", "--set", "architecture.heads=2", *command[4:]]) == 2
    assert "architecture is that of --base" in capsys.readouterr().err


def test_a_linker_without_a_docstring_is_still_a_linker(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = COLOUR_LINKER.read_text().replace('"""Offers `link` alone, for the text task alone."""', "")
    (workplace / "plain.py").write_text(text)
    run(["linkers", "plain.py:TextLinker"])
    assert "(no docstring)" in capsys.readouterr().out


def test_ctrl_c_before_any_work_has_begun_is_told_too(
    workplace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("robustmel.run.runs.expand", stopped)
    assert run(["run", "grid.toml"]) == 130
    assert "interrupted. Finished work is kept" in capsys.readouterr().err
