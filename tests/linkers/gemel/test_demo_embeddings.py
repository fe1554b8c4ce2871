"""Embeddings of the pool: kept beside it, used again where they are its own, and by which encoder they are made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from robustmel.errors import MissingError, UsageError
from robustmel.linkers.gemel.checkpoint import GemelCheckpoint, read_checkpoint
from robustmel.linkers.gemel.demo_embeddings import EMBEDDINGS, DemoEmbeddings
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.sentence_encoder import sentence_tower
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.weights import POOLING, weight_files
from robustmel.types import Query

from .conftest import DEMOS

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def simcse_folder(tmp_path_factory: pytest.TempPathFactory, opt_folder: Path) -> Path:
    """A tiny BERT in the layout of SimCSE's."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = tmp_path_factory.mktemp("simcse")
    tokenizer = AutoTokenizer.from_pretrained(opt_folder)
    torch.manual_seed(4)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(tokenizer), initializer_range=0.3, **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def kept(gemel: Callable[..., GEMEL], gemel_checkpoint: GemelCheckpoint, tmp_path: Path) -> Path:
    """A GEMEL with the embeddings of its pool."""
    embeddings = gemel().prompts._pool.known
    replace(gemel_checkpoint, embeddings=embeddings).write(tmp_path / "kept")
    return tmp_path / "kept"


def test_equal_vectors_are_held_once() -> None:
    texts = ["b", "a", "b", "c", "a"]
    vectors = {"a": [3.0, 4.0], "b": [0.0, 2.0], "c": [1.0, 0.0]}
    made = DemoEmbeddings.of(texts, lambda asked: torch.tensor([vectors[text] for text in asked]), "mention", "e")
    assert made.vectors.tolist() == [[0.0, 1.0], [pytest.approx(0.6), pytest.approx(0.8)], [1.0, 0.0]]
    assert made.rows.tolist() == [0, 1, 0, 2, 1]


def test_kept_embeddings_are_used_and_choose_alike(
    kept: Path, gemel: Callable[..., GEMEL], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = [Query(f"q{place}", demo.text, demo.mention, None, None, None) for place, demo in enumerate(DEMOS)]
    expected = gemel().prompts._pool.choose(queries, 4)
    embedded: list[str] = []
    whole = TextTower.embed

    def counting(self: TextTower, texts: Sequence[str]) -> torch.Tensor:
        embedded.extend(texts)
        return whole(self, texts)

    monkeypatch.setattr(TextTower, "embed", counting)
    linker = gemel(model=str(kept))
    assert embedded == []
    assert linker.prompts._pool.choose(queries, 4) == expected
    gemel(model=str(kept), demo_text="sentence")  # what is kept are the mentions
    assert embedded[-len(DEMOS) :] == [demo.text for demo in DEMOS]
    assert kept / EMBEDDINGS in GEMEL.assets(model=str(kept))


def test_another_encoder_embeds_anew(kept: Path, gemel: Callable[..., GEMEL], simcse_folder: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    linker = gemel(model=str(kept), demo_encoder=str(simcse_folder))
    network, words = AutoModel.from_pretrained(simcse_folder).eval(), AutoTokenizer.from_pretrained(simcse_folder)
    with torch.no_grad():
        alone = [words(demo.mention, return_tensors="pt") for demo in DEMOS]
        pooled = torch.cat(
            [network(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"]).pooler_output for ids in alone]
        )
    known = linker.prompts._pool.known
    assert known is not None
    torch.testing.assert_close(known.vectors[known.rows], torch.nn.functional.normalize(pooled, dim=-1))
    files = GEMEL.assets(model=str(kept), demo_encoder=str(simcse_folder))
    assert simcse_folder / "model.safetensors" in files


def test_embeddings_of_other_texts_are_refused(kept: Path) -> None:
    lines = (kept / "demos.jsonl").read_text("utf-8").split("\n")[:-1]
    edited = [json.dumps(json.loads(lines[0]) | {"mention": "the Chad"}), *lines[1:]]
    for changed in (lines[:-1], lines[::-1], edited):
        (kept / "demos.jsonl").write_text("\n".join(changed) + "\n", "utf-8")
        with pytest.raises(
            MissingError, match=rf"{EMBEDDINGS} has 5 rows of other texts than the {len(changed)} demonstrations"
        ):
            read_checkpoint(str(kept))


@pytest.mark.parametrize("damage", ["bytes", "rows", "facts"])
def test_damaged_embeddings_are_refused(damage: str, kept: Path) -> None:
    file = kept / EMBEDDINGS
    facts = {"about": json.dumps({"compared": "mention", "encoder": "", "texts": ""})}
    if damage == "bytes":
        file.write_bytes(b"12345678")
    elif damage == "rows":
        save_file({"vectors": torch.ones(2, 3), "rows": torch.tensor([0, 2])}, file, metadata=facts)
    else:
        save_file({"vectors": torch.ones(2, 3), "rows": torch.tensor([0, 1])}, file, metadata={"about": "{}"})
    with pytest.raises(MissingError, match="cannot be read: .* Remove it to embed the demonstrations anew"):
        read_checkpoint(str(kept))


def test_a_folder_of_sentence_transformers_says_that_the_mean_of_its_tokens_stands_for_a_text(
    simcse_folder: Path, tmp_path: Path
) -> None:
    from transformers import AutoModel, AutoTokenizer

    pooled = sentence_tower(str(simcse_folder), CPU).embed(["a flag", "two flags at noon"])
    folder = shutil.copytree(simcse_folder, tmp_path / "mean")
    (folder / "1_Pooling").mkdir()
    (folder / POOLING).write_text(json.dumps({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}))
    mean = sentence_tower(str(folder), CPU).embed(["a flag", "two flags at noon"])
    network, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    for text, one, other in zip(["a flag", "two flags at noon"], mean, pooled, strict=True):
        with torch.no_grad():
            read = network(**tokenizer(text, return_tensors="pt"))
        torch.testing.assert_close(one, read.last_hidden_state[0].mean(0))
        torch.testing.assert_close(other, read.pooler_output[0])
    assert folder / POOLING in weight_files(str(folder))


def test_a_model_without_a_pooled_output_is_no_sentence_encoder(opt_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gives no pooled output"):
        sentence_tower(str(opt_folder), CPU)
    with pytest.raises(MissingError, match="no folder"):
        sentence_tower(str(tmp_path / "gone"), CPU)


def test_roberta_cuts_texts_before_its_positions_end(opt_folder: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, RobertaConfig, RobertaModel

    tokenizer = AutoTokenizer.from_pretrained(opt_folder)
    shape: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = RobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=20, pad_token_id=2, **shape)
    RobertaModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    tower = sentence_tower(str(tmp_path), CPU)
    assert tower.limit == 17
    assert tower.embed(["a card lay on the table of the lake and another one, too"]).isfinite().all()
    assert len(tower.cut) == 1


def test_what_is_read_is_written_again(kept: Path, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(str(kept))
    checkpoint.write(tmp_path / "again")
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }
