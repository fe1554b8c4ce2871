"""Pickled weights are read only by their digest, and only as tensors."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from robustmel.errors import MissingError, UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.weights import weight_files
from robustmel.run.components import identity


@pytest.fixture
def pickled(clip_folder: Path, tmp_path: Path) -> Path:
    """CLIP with its weights pickled."""
    folder = Path(shutil.copytree(clip_folder, tmp_path / "pickled"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def pin(folder: Path) -> str:
    return "sha256:" + hashlib.sha256((folder / "pytorch_model.bin").read_bytes()).hexdigest()


def test_an_allowed_pickle_holds_the_same_model(clip_folder: Path, pickled: Path, kb: KnowledgeBase) -> None:
    sound = LINKERS.create("clip", kb, model=str(clip_folder), device="cpu")
    save_file({"bias": torch.zeros(2)}, pickled / "head.safetensors")  # which holds no weights of this model
    allowed = LINKERS.create("clip", kb, model=str(pickled), device="cpu", allow_pickle=pin(pickled))
    assert torch.equal(sound.embed_texts(["a flag"]), allowed.embed_texts(["a flag"]))
    files = [path.name for path in weight_files(str(pickled), allow_pickle=pin(pickled))]
    assert "pytorch_model.bin" in files
    assert "head.safetensors" not in files
    assert "pytorch_model.bin" not in [path.name for path in weight_files(str(clip_folder), allow_pickle=pin(pickled))]


def test_another_file_than_the_pinned_one_is_not_read(pickled: Path, kb: KnowledgeBase) -> None:
    wanted = pin(pickled)
    with (pickled / "pytorch_model.bin").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(MissingError, match=f"has the digest {pin(pickled)}, not the one"):
        LINKERS.create("clip", kb, model=str(pickled), allow_pickle=wanted)


def test_code_in_a_pinned_pickle_does_not_run(pickled: Path, kb: KnowledgeBase, tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return open, (str(trace), "w")

    (pickled / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Evil()}))
    with pytest.raises(MissingError, match="does not load"):
        LINKERS.create("clip", kb, model=str(pickled), allow_pickle=pin(pickled))
    torch.save({"weight": Evil()}, pickled / "pytorch_model.bin")
    with pytest.raises(MissingError, match="does not load"):
        LINKERS.create("clip", kb, model=str(pickled), allow_pickle=pin(pickled))
    assert not trace.exists()


@pytest.mark.parametrize("version", ["2.9.1", "2.5.0+cpu", "1.13"])
def test_a_torch_with_known_holes_reads_none(
    version: str, pickled: Path, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", version)
    with pytest.raises(MissingError, match="needs torch 2.10 or later"):
        weight_files(str(pickled), allow_pickle=pin(pickled))


@pytest.mark.parametrize("wrong", ["yes", "true", "sha256:abc", "md5:" + "0" * 64, "sha256:" + "G" * 64])
def test_only_a_digest_allows(wrong: str, pickled: Path, kb: KnowledgeBase) -> None:
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        LINKERS.create("clip", kb, model=str(pickled), allow_pickle=wrong)


def test_no_other_pickle_is_allowed(pickled: Path, kb: KnowledgeBase) -> None:
    wanted = pin(pickled)
    (pickled / "pytorch_model.bin").rename(pickled / "weights.pt")
    with pytest.raises(MissingError, match="reads no other pickle"):
        LINKERS.create("clip", kb, model=str(pickled), allow_pickle=wanted)


def test_the_digest_of_the_file_stands_for_the_pin_in_keys() -> None:
    clip, digests = LINKERS.load("clip"), {"pytorch_model.bin": "1"}
    plain = identity("clip", {"template": "x"}, clip, digests)
    assert identity("clip", {"template": "x", "allow_pickle": "sha256:..."}, clip, digests) == plain
