"""Adversarially trained CLIPs as they are published: weights and a config alone (FARE), the rest lies with the model they began as."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import robustmel as rm
from robustmel.errors import MissingError

CHECKPOINTS = Path(rm.__file__).parent / "world" / "checkpoints"
OF_THE_BASE = ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json")


def test_weights_alone_are_refused_with_the_way_out_and_load_with_the_files_of_their_base(tmp_path: Path) -> None:
    data = rm.load_dataset("world-news", "test")
    for file in ("config.json", "model.safetensors"):
        shutil.copy(CHECKPOINTS / "clip-robust-world" / file, tmp_path)
    with pytest.raises(MissingError, match=r"no tokenizer_config.json.*copy it from the model's source"):
        rm.load_linker("clip", data, model=str(tmp_path), device="cpu")
    for file in OF_THE_BASE:
        shutil.copy(CHECKPOINTS / "clip-world" / file, tmp_path)
    queries = [mention.query(data.name, mention.candidates) for mention in data.mentions[:4]]
    ours, known = (
        rm.load_linker(name, data, **model, device="cpu")
        for name, model in (("clip", {"model": str(tmp_path)}), ("clip-robust-world", {}))
    )
    assert [answer.ranked for answer in ours.link(queries, "I2T")] == [answer.ranked for answer in known.link(queries, "I2T")]


def test_open_clip_s_own_layout_is_refused_by_name_of_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text('{"model_cfg": {}}')
    shutil.copy(CHECKPOINTS / "clip-robust-world" / "model.safetensors", tmp_path / "open_clip_model.safetensors")
    with pytest.raises(MissingError, match=r"no config.json.*Hugging Face layout"):
        rm.load_linker("clip", rm.load_dataset("world-news", "test"), model=str(tmp_path), device="cpu")
