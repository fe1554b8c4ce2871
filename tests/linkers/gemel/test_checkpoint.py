"""The folder of a trained GEMEL: read as written, and every damage told with the way out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from robustmel.errors import MissingError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.gemel.checkpoint import FROZEN, GemelCheckpoint, read_checkpoint, read_settings
from robustmel.linkers.gemel.linker import GEMEL

from .conftest import DEMOS


@pytest.fixture
def copied(gemel_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(gemel_folder, tmp_path / "copied")
    return tmp_path / "copied"


def changed(folder: Path, **values: object) -> None:
    for file in (folder / "gemel.json", folder / "frozen.json"):
        stated = json.loads(file.read_text("utf-8"))
        here = {
            name: value for name, value in values.items() if (name in stated) or (name not in FROZEN and file.stem == "gemel")
        }
        file.write_text(json.dumps(stated | here), "utf-8")


def test_what_is_written_is_read(gemel_folder: Path, gemel_checkpoint: GemelCheckpoint) -> None:
    read = read_checkpoint(str(gemel_folder))
    assert read.settings == gemel_checkpoint.settings
    assert tuple(read.demos) == DEMOS  # one of them has a line separator in its text
    torch.testing.assert_close(read.features, gemel_checkpoint.features)
    assert all(
        torch.equal(one, two) for one, two in zip(read.mapper.parameters(), gemel_checkpoint.mapper.parameters(), strict=True)
    )


def test_a_relative_model_is_looked_for_beside_the_settings_then_in_the_working_directory(
    copied: Path, opt_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(opt_folder, tmp_path / "lm")
    changed(copied, language_model="lm")
    assert read_settings(str(copied)).language_model == "lm"
    shutil.copytree(opt_folder, copied / "lm")
    assert read_settings(str(copied)).language_model == str(copied / "lm")


@pytest.mark.parametrize("name", ["vision", "language_model"])
def test_a_frozen_model_that_is_gone_is_named_and_can_be_given(
    name: str, copied: Path, opt_folder: Path, kb: KnowledgeBase
) -> None:
    changed(copied, **{name: "/gone/model"})
    with pytest.raises(MissingError, match=f'frozen.json names {name} = "/gone/model": no folder /gone/model'):
        GEMEL(kb, model=str(copied), device="cpu")
    given = {"vision": "world:clip-world", "language_model": str(opt_folder)}[name]
    assert getattr(read_settings(str(copied), **{name: given}), name) == given
    GEMEL(kb, model=str(copied), device="cpu", **{name: given})  # type: ignore[arg-type]


Damage = Callable[[Path], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "no demonstrations": (lambda folder: (folder / "demos.jsonl").unlink(), "no trained GEMEL: it has no demos.jsonl"),
    "no features": (lambda folder: (folder / "demo_features.safetensors").unlink(), "it has no demo_features.safetensors"),
    "settings cut off": (lambda folder: (folder / "gemel.json").write_text('{"vis'), "gemel.json cannot be read"),
    "settings of another kind": (lambda folder: (folder / "gemel.json").write_text("[]"), "it holds a list"),
    "settings without a model": (lambda folder: (folder / "frozen.json").write_text("{}"), "no settings of GEMEL"),
    "places cut off": (lambda folder: (folder / "frozen.json").write_text('{"vis'), "frozen.json cannot be read"),
    "an unknown setting": (lambda folder: changed(folder, colour="red"), "unexpected keyword argument 'colour'"),
    "a setting of another type": (lambda folder: changed(folder, vision=3), "vision = 3; expected text"),
    "another version": (lambda folder: changed(folder, version=2), "another version of robustmel; train it again"),
    "a demonstration cut off": (lambda folder: (folder / "demos.jsonl").write_text('{"men'), "no GEMEL that can be read"),
    "a demonstration of another type": (
        lambda folder: (folder / "demos.jsonl").write_text('{"mention": 1, "text": "", "name": ""}'),
        "mention = 1; expected text",
    ),
    "a row that is not there": (
        lambda folder: (folder / "demos.jsonl").write_text('{"mention": "", "text": "", "name": "", "image": 4}'),
        "names row 4 of demo_features.safetensors, which has 4",
    ),
    "features of another width": (
        lambda folder: save_file({"features": torch.zeros(4, 7)}, folder / "demo_features.safetensors"),
        r"has the shape \(4, 7\)",
    ),
    "a mapper that is none": (lambda folder: (folder / "mapper.safetensors").write_bytes(b"1234"), "no GEMEL that can be read"),
    "a mapper without bias": (
        lambda folder: save_file({"weight": torch.zeros(64, 7)}, folder / "mapper.safetensors"),
        "no GEMEL that can be read",
    ),
    "an unknown prompt": (lambda folder: changed(folder, prompt=9), "prompt = 9 is unknown"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_told_in_one_sentence(damage: str, copied: Path, kb: KnowledgeBase) -> None:
    harm, message = DAMAGES[damage]
    harm(copied)
    with pytest.raises((MissingError, UsageError), match=message) as told:
        GEMEL(kb, model=str(copied), device="cpu")
    assert "\n" not in str(told.value)


def test_places_may_stand_among_the_settings_as_in_older_folders(copied: Path) -> None:
    settings = read_settings(str(copied))
    places = json.loads((copied / "frozen.json").read_text("utf-8"))
    (copied / "frozen.json").unlink()
    changed_settings = json.loads((copied / "gemel.json").read_text("utf-8")) | places
    (copied / "gemel.json").write_text(json.dumps(changed_settings), "utf-8")
    assert read_settings(str(copied)) == settings


def test_a_mapper_of_another_shape_does_not_fit(copied: Path, kb: KnowledgeBase) -> None:
    weights = load_file(copied / "mapper.safetensors")
    save_file({name: value[:-16].clone() for name, value in weights.items()}, copied / "mapper.safetensors")
    with pytest.raises(UsageError, match=r"makes 48 numbers of \d+, but .* the language model takes 4 x 16"):
        GEMEL(kb, model=str(copied), device="cpu")
    changed(copied, visual_prefix_length=3)
    GEMEL(kb, model=str(copied), device="cpu")


def test_a_folder_of_another_kind_is_no_gemel(kb: KnowledgeBase, opt_folder: Path) -> None:
    with pytest.raises(MissingError, match=r"is no trained GEMEL: it has no gemel.json; robustmel train gemel makes one"):
        LINKERS.create("gemel", kb, model=str(opt_folder))
    with pytest.raises(MissingError, match="world:nothing is no trained GEMEL"):
        LINKERS.load("gemel").assets(model="world:nothing")


def test_its_files_are_those_that_decide(gemel_folder: Path, opt_folder: Path) -> None:
    files = GEMEL.assets(model=str(gemel_folder), vision=None, language_model=None)
    names = {file.name for file in files if file.parent == gemel_folder}
    assert names == {"gemel.json", "mapper.safetensors", "demos.jsonl", "demo_features.safetensors"}
    assert opt_folder / "model.safetensors" in files
    assert any(file.parent.name == "clip-world" and file.name == "model.safetensors" for file in files)


def test_a_language_model_without_a_padding_token_answers_the_same(
    gemel: Callable[..., GEMEL], opt_folder: Path, tmp_path: Path, kb: KnowledgeBase, ask: Callable[..., object]
) -> None:
    shutil.copytree(opt_folder, tmp_path / "lm")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (tmp_path / "lm" / name).is_file():
            values = json.loads((tmp_path / "lm" / name).read_text("utf-8"))
            values.pop("pad_token", None)
            (tmp_path / "lm" / name).write_text(json.dumps(values), "utf-8")
    bare = gemel(language_model=str(tmp_path / "lm"))
    assert bare.lm.tokenizer.pad_token is None
    queries = [ask(0, kb.ids), ask(1, kb.ids, text="a much longer text about a lake in Chad")]
    for candidates in (kb.ids, None):
        asked = [replace(query, candidates=candidates) for query in queries]  # type: ignore[type-var]
        expected = gemel().link(asked, "IT2T")  # type: ignore[arg-type]
        assert [answer.ranked for answer in bare.link(asked, "IT2T")] == [answer.ranked for answer in expected]  # type: ignore[arg-type]
