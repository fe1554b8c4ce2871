"""Which files are read, and what is said when they cannot be."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from robustmel.errors import MissingError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.loading import pick_device
from robustmel.linkers.weights import model_folder, model_type, weight_files


@pytest.fixture
def copy(clip_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_folder, tmp_path / "a model"))


def test_the_assets_are_the_files_that_decide(copy: Path, kb: KnowledgeBase) -> None:
    for name in ("README.md", "optimizer.pt", "training_log.json", "run.txt"):
        (copy / name).write_text("")
    names = [path.name for path in LINKERS.load("clip").assets(model=str(copy), template="x", batch_size=3)]
    assert names == ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"]


def test_pickled_weights_are_refused_even_beside_sound_files(copy: Path, kb: KnowledgeBase) -> None:
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(weights, copy / "pytorch_model.bin")
    for attempt in (lambda: LINKERS.create("clip", kb, model=str(copy)), lambda: weight_files(str(copy))):
        with pytest.raises(MissingError, match=r"pickled weights \(pytorch_model.bin\)"):
            attempt()


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"])
def test_an_adapter_beside_the_weights_is_refused_whatever_is_installed(name: str, copy: Path) -> None:
    (copy / name).write_text("{}")
    with pytest.raises(MissingError, match=rf"holds an adapter \({name}\), which is not applied; merge it"):
        weight_files(str(copy))


def test_other_safetensors_are_no_weights_of_the_model(copy: Path, clip_folder: Path) -> None:
    shutil.copy(copy / "model.safetensors", copy / "head.safetensors")
    assert [path.name for path in weight_files(str(copy))] == [path.name for path in weight_files(str(clip_folder))]
    (copy / "model.safetensors").unlink()
    with pytest.raises(MissingError, match=r"holds other weights \(head\.safetensors\) where model\.safetensors is expected"):
        weight_files(str(copy))
    torch.save({}, copy / "pytorch_model.bin")
    with pytest.raises(MissingError, match=r"only pickled weights \(pytorch_model\.bin\)"):
        weight_files(str(copy))


def test_weights_in_several_files_are_those_that_the_index_names(copy: Path, clip_folder: Path, kb: KnowledgeBase) -> None:
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    names = sorted(weights)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for shard, held in shards.items():
        save_file({name: weights[name] for name in held}, copy / shard, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: shard for shard, held in shards.items() for name in held}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    save_file({"x": torch.zeros(1)}, copy / "head.safetensors")
    found = {path.name for path in weight_files(str(copy))}
    assert found >= {*shards, "model.safetensors.index.json"}
    assert "head.safetensors" not in found
    one, other = (LINKERS.create("clip", kb, model=str(folder), device="cpu") for folder in (copy, clip_folder))
    assert torch.equal(one.embed_texts(["a flag"]), other.embed_texts(["a flag"]))
    (copy / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(MissingError, match=r"names model-00002-of-00002\.safetensors, which is not beside it"):
        weight_files(str(copy))
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "../model/model.safetensors"}}))
    with pytest.raises(MissingError, match="not beside it"):
        weight_files(str(copy))
    for nothing in ({}, {"weight_map": {}}, {"weight_map": ["x"]}):
        (copy / "model.safetensors.index.json").write_text(json.dumps(nothing))
        with pytest.raises(MissingError, match="names no files of weights"):
            weight_files(str(copy))


@pytest.mark.parametrize(
    ("stated", "value"),
    [
        ("quantization_config", {"quant_method": "bitsandbytes"}),
        ("transformers_weights", "other.safetensors"),
        ("attn_implementation", "someone/some-kernels"),
    ],
)
def test_a_configuration_that_asks_for_other_weights_or_packages_is_refused(stated: str, value: object, copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {stated: value}))
    with pytest.raises(MissingError, match=f"states {stated} in config.json"):
        weight_files(str(copy))


@pytest.mark.parametrize("written", ["", "[]", "null", "{", "[" * 100_000, '"text"', "\xff"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "preprocessor_config.json"])
def test_a_file_that_is_no_json_object_is_one_sentence(name: str, written: str, copy: Path) -> None:
    (copy / name).write_text(written, encoding="latin-1")
    with pytest.raises(MissingError, match=rf"{name} cannot be read: ") as caught:
        weight_files(str(copy))
    assert "\n" not in str(caught.value)


def test_what_a_folder_lacks_is_not_guessed(copy: Path) -> None:
    (copy / "tokenizer.json").rename(copy / "vocab.json")
    with pytest.raises(
        MissingError, match=r"no vocabulary: neither tokenizer\.json nor vocab\.json with merges\.txt nor vocab"
    ):
        weight_files(str(copy))
    (copy / "tokenizer_config.json").unlink()
    with pytest.raises(MissingError, match=r"no tokenizer_config\.json, which says how texts are read"):
        weight_files(str(copy))


@pytest.mark.parametrize("family", ["align", "flava", "owlvit", "siglip"])
def test_no_family_reads_pickles(family: str, folders: dict[str, Path], kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders[family], tmp_path / "model"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingError, match=r"pickled weights \(pytorch_model.bin\)"):
        LINKERS.create(family, kb, model=str(folder))


def test_a_folder_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no config\.json"):
        model_folder(str(tmp_path))
    with pytest.raises(MissingError, match="no folder"):
        model_folder(str(tmp_path / "absent"))
    with pytest.raises(MissingError, match='no embedded checkpoint "clip-wrld". Did you mean "clip-world"'):
        model_folder("world:clip-wrld")
    with pytest.raises(MissingError, match="embedded checkpoint of that name is world:clip-world"):
        model_folder("clip-world")
    (tmp_path / "clip-large").mkdir()
    with pytest.raises(MissingError, match=r"did you mean .*clip-large\?"):
        model_folder(str(tmp_path / "clip-lagre"))
    with pytest.raises(MissingError, match="no embedded checkpoint"):
        model_folder("world:../../linkers")


def test_a_model_of_another_family_is_named(siglip_folder: Path, kb: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match="type siglip; this linker reads clip"):
        LINKERS.create("clip", kb, model=str(siglip_folder))


def test_missing_weights_are_listed(copy: Path, kb: KnowledgeBase) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingError, match=r"lacks 1 weights of a CLIPModel, the first: visual_projection\.weight"):
        LINKERS.create("clip", kb, model=str(copy))


def test_weights_of_another_shape_are_listed_and_spare_ones_told(
    copy: Path, kb: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    weights = load_file(copy / "model.safetensors") | {"head.weight": torch.zeros(2)}
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    LINKERS.create("clip", kb, model=str(copy), device="cpu")
    assert "1 weights that a CLIPModel does not have, the first: head.weight" in caplog.text
    wrong = {"visual_projection.weight": torch.zeros(2, 2), "text_projection.weight": torch.zeros(3, 3)}
    save_file(weights | wrong, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(MissingError, match=r"2 weights of another shape.*text_projection.weight is \(3, 3\), not \(24, 32\)"):
        LINKERS.create("clip", kb, model=str(copy))


def test_half_precision_weights_are_computed_with_in_full(copy: Path, clip_folder: Path, kb: KnowledgeBase) -> None:
    weights = load_file(copy / "model.safetensors")
    save_file({name: one.half() for name, one in weights.items()}, copy / "model.safetensors", metadata={"format": "pt"})
    half, full = (LINKERS.create("clip", kb, model=str(one), device="cpu") for one in (copy, clip_folder))
    assert {one.dtype for one in half.model.parameters()} == {torch.float32}
    close = torch.nn.functional.cosine_similarity(half.embed_texts(["a flag"]), full.embed_texts(["a flag"]))
    assert float(close) > 0.999


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors", "preprocessor_config.json"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_read_for_ever(name: str, kind: str, copy: Path, kb: KnowledgeBase) -> None:
    (copy / name).unlink()
    if kind == "pipe":
        os.mkfifo(copy / name)
    elif kind == "device":
        (copy / name).symlink_to("/dev/zero")
    else:
        (copy / name).mkdir()
    with pytest.raises(MissingError, match=f"{name} is no file of a model"):
        LINKERS.create("clip", kb, model=str(copy))
    if name == "config.json":
        with pytest.raises(MissingError, match="config.json cannot be read: it is no file"):
            model_type(copy)


@pytest.mark.parametrize("damage", ["torn", "config", "processor"])
def test_a_damaged_folder_is_one_sentence(damage: str, copy: Path, kb: KnowledgeBase) -> None:
    if damage == "torn":
        (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    elif damage == "config":
        (copy / "config.json").write_text("[]")
    else:
        (copy / "preprocessor_config.json").unlink()
    with pytest.raises(MissingError) as caught:
        LINKERS.create("clip", kb, model=str(copy))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("config.json", "AutoModel"),
        ("tokenizer_config.json", "AutoTokenizer"),
        ("preprocessor_config.json", "AutoImageProcessor"),
    ],
)
def test_remote_code_is_refused_and_never_run(name: str, entry: str, copy: Path, kb: KnowledgeBase, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    (copy / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Evil: ...\n")
    config = json.loads((copy / name).read_text())
    config["auto_map"] = {entry: ["evil.Evil", "evil.Evil"] if entry == "AutoTokenizer" else "evil.Evil"}
    (copy / name).write_text(json.dumps(config))
    for attempt in (lambda: weight_files(str(copy)), lambda: LINKERS.create("clip", kb, model=str(copy), device="cpu")):
        with pytest.raises(MissingError, match=rf"auto_map in {name}\); code that comes with weights is never run"):
            attempt()
    assert not trace.exists()


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
    with pytest.raises(MissingError, match="0 CUDA devices"):
        pick_device("cuda")
    with pytest.raises(UsageError, match="warp"):
        pick_device("warp drive")
