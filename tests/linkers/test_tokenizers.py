"""What a folder says of its tokenizer is applied, or refused, where the library would leave it out in silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from torch.nn.functional import cosine_similarity

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.dual_encoder import DualEncoder

TEXT = "Flags of Chad"
PAD, START, END = 256, 257, 258


@pytest.fixture
def copy(siglip_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(siglip_folder, tmp_path / "model"))


def edit(file: Path, **values: Any) -> None:
    """Sets values of a JSON file; None takes a key away."""
    stated = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in stated.items() if value is not None}))


def linker(folder: Path, family: str = "siglip") -> DualEncoder:
    built: DualEncoder = LINKERS.create(family, KnowledgeBase(()), model=str(folder), device="cpu")
    return built


def read_as(built: DualEncoder, tokens: list[int]) -> bool:
    """Whether the text is embedded as the model embeds these very tokens."""
    with torch.no_grad():
        expected = built.model.get_text_features(input_ids=torch.tensor([tokens])).pooler_output
    return float(cosine_similarity(expected, built.embed_texts([TEXT]))) > 1 - 1e-6


def ids_of(folder: Path, text: str) -> list[int]:
    ids: list[int] = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    return ids


def test_a_tokenizer_without_a_pad_token_pads_with_the_one_of_the_configuration(copy: Path) -> None:
    edit(copy / "tokenizer_config.json", pad_token=None)
    ids = ids_of(copy, TEXT)
    built = linker(copy)
    assert read_as(built, ids + [PAD] * (40 - len(ids)))
    assert not read_as(built, ids + [0] * (40 - len(ids)))


def test_where_no_pad_token_is_stated_padding_is_not_guessed(copy: Path, clip_folder: Path, tmp_path: Path) -> None:
    edit(copy / "tokenizer_config.json", pad_token=None)
    config = json.loads((copy / "config.json").read_text())
    del config["text_config"]["pad_token_id"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(MissingError, match="states no pad_token, and SigLIP reads padding; add it to tokenizer_config.json"):
        linker(copy)
    masked = Path(shutil.copytree(clip_folder, tmp_path / "clip"))
    edit(masked / "tokenizer_config.json", pad_token=None)
    edit(
        masked / "config.json",
        text_config=json.loads((masked / "config.json").read_text())["text_config"] | {"pad_token_id": None},
    )
    one, other = linker(masked, "clip"), linker(clip_folder, "clip")
    assert torch.allclose(one.embed_texts([TEXT]), other.embed_texts([TEXT]), atol=1e-6)  # what is masked is not read


def test_padding_goes_where_the_tokenizer_puts_it(copy: Path) -> None:
    edit(copy / "tokenizer_config.json", padding_side="left")
    ids = ids_of(copy, TEXT)
    assert read_as(linker(copy), [PAD] * (40 - len(ids)) + ids)


@pytest.mark.parametrize("family", ["siglip", "clip", "blip"])
def test_texts_are_put_in_lower_case_where_the_folder_asks_for_it(
    family: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(folders[family], tmp_path / "cased"))
    as_it_stands = linker(copy, family)
    assert not torch.equal(*as_it_stands.embed_texts([TEXT, TEXT.lower()]))
    edit(copy / "tokenizer_config.json", do_lower_case=True)
    built = linker(copy, family)
    assert torch.equal(*built.embed_texts([TEXT, TEXT.lower()]))
    assert torch.equal(built.embed_texts([TEXT]), as_it_stands.embed_texts([TEXT.lower()]))
    edit(copy / "tokenizer_config.json", do_lower_case=False)
    assert torch.equal(linker(copy, family).embed_texts([TEXT]), as_it_stands.embed_texts([TEXT]))
