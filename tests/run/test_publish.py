"""What is published can be predicted upon elsewhere and scored as if it had been linked here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from robustmel.datasets.jsonl import JSONL
from robustmel.datasets.set_hashes import set_hashes
from robustmel.errors import MissingError
from robustmel.report import build
from robustmel.report.predictions import outside_report
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.publish import publish
from robustmel.run.runs import run_grid
from robustmel.run.store import Store
from robustmel.run.upkeep import inventory

LINKER = f"{Path(__file__).parent / 'colour_linker.py'}:ColourLinker"
PGD = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 3, "view": "image", "label": "far"}


@pytest.fixture
def published(colour_data: Path, tmp_path: Path) -> Path:
    grid = parse_grid(table(colour_data, tasks=["I2T"], attacks=[PGD]))
    publish(grid, tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener(), with_clean=True)
    return tmp_path / "set"


def table(data: Path, **change: Any) -> dict[str, Any]:
    return {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [LINKER], "batch_size": 4, **change}


def test_predictions_written_down_score_as_the_run_that_made_them(colour_data: Path, tmp_path: Path, published: Path) -> None:
    grid = parse_grid(table(colour_data, tasks=["I2T"], attacks=["clean", PGD]))
    run_grid(grid, tmp_path / "out", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    about = json.loads((published / "perturbation.json").read_text())
    names = dict(zip(*(pq.read_table(published / "log.parquet")[key].to_pylist() for key in ("id", "mention_id")), strict=True))
    files = []
    for cell in json.loads((tmp_path / "out" / "run.json").read_text())["cells"]:
        key = cell["evaluations"][0]["answers"]
        rows = pq.read_table(tmp_path / "store" / "answers" / key[:2] / key / "answers.parquet").to_pylist()
        clean = cell["attack"] == "clean"
        header = {"set": about["clean_set" if clean else "set"], "linker": "ColourLinker", "task": "I2T"}
        body = [{"id": names[row["id"]], "ranked": row["ranked"], "scores": row["scores"]} for row in rows]
        files.append(tmp_path / f"{cell['attack']}.jsonl")
        files[-1].write_text("".join(json.dumps(line) + "\n" for line in (header, *body)))
    outside, sound = outside_report([published], files, [])
    assert sound
    ours = {one.attack: one.to_dict() for one in build(tmp_path / "out").summaries}
    theirs = {one.attack: one.to_dict() for one in outside.summaries}
    assert ours.keys() == theirs.keys() == {"clean", "far"}
    for attack in ours:
        differs = {key for key in ours[attack] if ours[attack][key] != theirs[attack][key]}
        assert differs <= {"linker", "source", "flags"}, differs


def test_the_example_is_a_file_of_predictions_on_this_set(published: Path) -> None:
    report, sound = outside_report([published], [published / "predictions.example.jsonl"], [])
    (found,) = report.summaries
    assert (found.n, found.errors_by_kind, sound) == (18, {"missing": 15}, False)
    assert "not mentions of this set" not in " ".join(report.notes)
    assert "does not name its set" not in " ".join(report.notes)


def test_the_set_is_known_by_its_mentions_entities_and_images(published: Path) -> None:
    about = json.loads((published / "perturbation.json").read_text())
    whole = set_hashes(published, about["images"])
    assert (about["set"], about["clean_set"]) == whole
    image = dict(about["images"], **{next(iter(about["images"])): "changed"})
    assert set_hashes(published, image).set != whole.set
    assert set_hashes(published, image).clean_set == whole.clean_set
    text = (published / "mentions.jsonl").read_text()
    (published / "mentions.jsonl").write_text(text.replace("The red flag", "That red flag", 1))
    assert set_hashes(published, about["images"]).set != whole.set
    assert set_hashes(published, about["images"]).clean_set != whole.clean_set
    assert (about["title"], about["threat_model"], about["budget"]) == ("far", "linf", "0.6")


def test_the_clean_images_lie_beside_and_load_with_the_same_knowledge_base(colour_data: Path, published: Path) -> None:
    clean = JSONL(published / "clean", kb=published / "entities.jsonl").load()
    before = {mention.id: mention for mention in JSONL(colour_data).load().mentions}
    assert len(clean.mentions) == 18
    for mention in clean.mentions:
        own = before[mention.id]
        assert mention.image is not None
        assert own.image is not None
        assert mention.image.read_bytes() == own.image.read_bytes()
        assert (mention.gold, mention.surface, mention.text) == (own.gold, own.surface, own.text)


@pytest.mark.parametrize(
    ("attack", "threat_model"),
    [
        ({"name": "fmn", "steps": 5, "view": "image"}, "l2-minimal"),
        ({"name": "corruption", "view": "image"}, "corruption"),
        ({"name": "square", "queries": 5, "view": "image"}, "linf"),
    ],
)
def test_a_set_says_its_threat_model_whatever_the_attack(
    colour_data: Path, tmp_path: Path, attack: dict[str, Any], threat_model: str
) -> None:
    grid = parse_grid(table(colour_data, tasks=["I2T"], attacks=[attack]))
    publish(grid, tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    assert json.loads((tmp_path / "set" / "perturbation.json").read_text("utf-8"))["threat_model"] == threat_model


@pytest.mark.parametrize("with_clean", [False, True])
def test_what_an_image_links_to_outside_the_data_is_not_copied(colour_data: Path, tmp_path: Path, with_clean: bool) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for others")
    (colour_data / "images" / "3.png").unlink()
    (colour_data / "images" / "3.png").symlink_to(secret)
    grid = parse_grid(table(colour_data, tasks=["I2T"], attacks=[PGD]))
    with pytest.raises(MissingError, match=r"3\.png links to a file outside the data set"):
        publish(grid, tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener(), with_clean)
    assert not [path for path in (tmp_path / "set").rglob("*") if path.is_file() and b"not for others" in path.read_bytes()]


def test_an_occupied_folder_is_refused_before_any_work(colour_data: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.tex").write_text("mine")
    grid = parse_grid(table(colour_data, tasks=["I2T"], attacks=[PGD]))
    with pytest.raises(MissingError, match="is not empty"):
        publish(grid, tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    assert not (tmp_path / "store").exists()


def test_it_is_told_how_many_were_fooled(colour_data: Path, tmp_path: Path) -> None:
    grid = parse_grid(table(colour_data, tasks=["I2T"], attacks=[PGD]))
    facts = publish(grid, tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    hits = pq.read_table(tmp_path / "set" / "log.parquet")["succeeded_u8"].to_pylist()
    assert (facts["judged"], facts["fooled"]) == (18, sum(hits))
    assert 0 < facts["fooled"] < 18
    assert f"run {tmp_path / 'set'}: 2 artefacts" in inventory(Store(tmp_path / "store"))
    assert "files" not in json.loads((tmp_path / "set" / "perturbation.json").read_text())
