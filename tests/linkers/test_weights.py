"""Which files are read, and what is said when they cannot be."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from robustmel.errors import MissingError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.loading import pick_device
from robustmel.linkers.weights import model_folder, weight_files


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
    with pytest.raises(MissingError, match='no embedded checkpoint "clip-moon"'):
        model_folder("world:clip-moon")
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


@pytest.mark.parametrize("damage", ["shape", "torn", "config", "processor"])
def test_a_damaged_folder_is_one_sentence(damage: str, copy: Path, kb: KnowledgeBase) -> None:
    if damage == "shape":
        weights = load_file(copy / "model.safetensors") | {"visual_projection.weight": torch.zeros(2, 2)}
        save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    elif damage == "torn":
        (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    elif damage == "config":
        (copy / "config.json").write_text("[]")
    else:
        (copy / "preprocessor_config.json").unlink()
    with pytest.raises(MissingError) as caught:
        LINKERS.create("clip", kb, model=str(copy))
    assert "\n" not in str(caught.value)


def test_remote_code_is_never_run(copy: Path, kb: KnowledgeBase, tmp_path: Path) -> None:
    """A folder that brings code of its own is read as the family it states, or not at all; its code does not run."""
    trace = tmp_path / "ran"
    (copy / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\nclass Evil: ...\n")
    for name, entry in (
        ("config.json", "AutoModel"),
        ("tokenizer_config.json", "AutoTokenizer"),
        ("preprocessor_config.json", "AutoImageProcessor"),
    ):
        config = json.loads((copy / name).read_text())
        config["auto_map"] = {entry: ["evil.Evil", "evil.Evil"] if entry == "AutoTokenizer" else "evil.Evil"}
        (copy / name).write_text(json.dumps(config))
    with contextlib.suppress(MissingError):
        LINKERS.create("clip", kb, model=str(copy), device="cpu")
    assert not trace.exists()


def test_a_hub_id_offline_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(MissingError, match=r"no-such-owner/no-such-model \(revision main\).*HF_HUB_OFFLINE.*local folder"):
        model_folder("no-such-owner/no-such-model", "main")


def test_a_hub_id_comes_from_the_cache_where_it_is_whole(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    calls: list[dict[str, Any]] = []

    def snapshot(model: str, **options: Any) -> str:
        calls.append(options)
        return str(copy)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert model_folder("owner/model", "abc") == copy
    assert [call["local_files_only"] for call in calls] == [True]
    assert calls[0]["revision"] == "abc"
    assert not any(pattern.endswith((".bin", ".pt", ".py", "*")) for pattern in calls[0]["allow_patterns"])


def test_a_hub_that_cannot_be_reached_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    asked: list[bool] = []

    def snapshot(model: str, local_files_only: bool = False, **options: Any) -> str:
        asked.append(local_files_only)
        raise ConnectionError("name or service not known\nand much more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(MissingError, match=r"owner/model.*not known; check the name"):
        model_folder("owner/model")
    assert asked == [True, False]


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
    with pytest.raises(MissingError, match="0 CUDA devices"):
        pick_device("cuda")
    with pytest.raises(UsageError, match="warp"):
        pick_device("warp drive")
