"""Models in the layout of the published ones (OPT, Llama, CLIP ViT-L/14's width), with few random weights: planned, then linked with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.linkers.conftest import SIDE, TEXT, save_tokenizer
from tokenizers import ByteLevelBPETokenizer

from robustmel.api import run
from robustmel.kb.name_trie import NameTrie
from robustmel.linkers import LINKERS
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.checkpoint import Demo, GemelCheckpoint, Settings
from robustmel.linkers.gemel.language_model import LanguageModel
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.gemel.memory import language_model_memory
from robustmel.linkers.gemel.name_scores import name_scores
from robustmel.run.builder import Builder
from robustmel.run.estimate import outline
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.store import Store
from robustmel.types import Query

WIDTH = 1024
"""Of CLIP ViT-L/14's features, before its projection."""

CONTEXT = 192
LAYERS, HEADS, EMBEDDING = 2, 2, 16
SHAPE = {
    "hidden_size": EMBEDDING,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": CONTEXT,
}
INITIAL = {"OPT": "init_std", "Llama": "initializer_range", "Qwen2": "initializer_range"}
"""Family -> what its configuration calls the spread of its first weights."""


@pytest.fixture(scope="session")
def vision_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    folder = tmp_path_factory.mktemp("clip-vit-large-patch14")
    vision = {"hidden_size": WIDTH, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 16}
    vision |= {"image_size": SIDE, "patch_size": 16}
    CLIPModel(CLIPConfig(text_config=TEXT, vision_config=vision, projection_dim=24)).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def language_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """OPT as published: GPT-2's files of a tokenizer, "</s>" before and after a text, half precision, weights in several files."""

    def make(family: str, spread: float = 0.02) -> Path:
        import transformers

        folder = tmp_path_factory.mktemp(family)
        tokenizer = ByteLevelBPETokenizer()
        tokenizer.train_from_iterator(["[Text][Question][Answer]"], 262, special_tokens=["<s>", "<pad>", "</s>", "<unk>"])
        tokenizer.save_model(str(folder))
        about = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "add_bos_token": True, "pad_token": "<pad>"}
        about |= dict.fromkeys(("bos_token", "eos_token", "unk_token"), "</s>")
        (folder / "tokenizer_config.json").write_text(json.dumps(about))
        own: dict[str, Any] = (
            {"ffn_dim": 32, "word_embed_proj_dim": EMBEDDING} if family == "OPT" else {"intermediate_size": 32}
        )
        own |= {"num_key_value_heads": 1} if family != "OPT" else {}
        config = getattr(transformers, f"{family}Config")(
            vocab_size=272, bos_token_id=2, eos_token_id=2, pad_token_id=1, **SHAPE, **own, **{INITIAL[family]: spread}
        )
        network = getattr(transformers, f"{family}ForCausalLM")(config).half()
        network.save_pretrained(folder, max_shard_size="15KB")
        assert (folder / "model.safetensors.index.json").is_file()
        return folder

    return make


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {"id": f"m{index}", "gold": f"Q{index + 1}", "surface": name, "text": f"{name} wins", "image": "a.png", "split": "test"}
        for index, name in enumerate(("Chad", "Mali"))
    ]
    entities = [{"id": "Q1", "name": "Chad"}, {"id": "Q2", "name": "Mali"}, {"id": "Q3", "name": "Chad Mali"}]
    folder = tmp_path / "data"
    folder.mkdir()
    for name, lines in (("mentions", rows), ("entities", entities)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / "a.png")
    return folder


@pytest.mark.parametrize("family", ["OPT", "Llama"])
def test_a_plan_counts_the_bytes_before_anything_is_loaded_and_the_run_links(
    family: str,
    vision_folder: Path,
    language_model_folder: Callable[..., Path],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import transformers

    lm = language_model_folder(family)
    demo = Demo("Mali", "Mali loses", "Mali", -1)
    mapper = torch.nn.Linear(WIDTH, 4 * EMBEDDING)
    GemelCheckpoint(Settings(str(vision_folder), str(lm)), mapper, [demo], torch.zeros(0, WIDTH)).write(tmp_path / "gemel")
    about = {"model": str(tmp_path / "gemel"), "demos": 1, "dtype": "bfloat16", "batch_size": 2}
    table: dict[str, Any] = {"datasets": [{"name": "jsonl", "path": str(data)}], "tasks": ["IT2T", "T2T"]}
    table |= {"linkers": [{"name": "gemel", **about}]}
    table |= {"attacks": ["clean", {"name": "pgd", "steps": 1, "view": "fused"}], "candidates": "all"}

    kept = 2 * LAYERS * (1 if family == "Llama" else HEADS) * (EMBEDDING // HEADS) * CONTEXT * 2 * 2
    weights, vision = (
        sum(parameter.numel() for parameter in loaded.from_pretrained(folder).parameters())
        for loaded, folder in ((transformers.AutoModelForCausalLM, lm), (transformers.CLIPModel, vision_folder))
    )

    def gigabytes(count: int) -> str:
        return f"{count / 1e9:,.2f}"

    with monkeypatch.context() as sealed:
        sealed.setattr("robustmel.run.estimate.TRIAL_BYTES", 0)
        for loaded in ("language_model.LanguageModel.load", "vision.VisionEncoder.__init__"):
            sealed.setattr(f"robustmel.linkers.gemel.{loaded}", lambda *given, **named: pytest.fail("it was loaded"))
        builder = Builder(Store(tmp_path / "store"), "cpu")
        outlined = outline(expand(parse_grid(table), builder), builder.store, builder=builder)
    memory = LINKERS.load("gemel").memory(**LINKERS.parameters("gemel", about))
    assert memory == {
        "the language model in bfloat16": weights * 2,
        "the vision encoder": vision * 4,
        f"keys and values of 2 prompts of {CONTEXT} tokens": kept,
    }
    total = gigabytes(sum(memory.values()))
    assert f"memory: gemel takes about {total} GB on its device: {gigabytes(weights * 2)} for the language model" in outlined
    report = run(**table, out=tmp_path / "run", store=tmp_path / "store")
    assert {(row["task"], row["errors"]) for row in json.loads(report.to_json())} == {("IT2T", 0), ("T2T", 0)}


TOLERANCE = {"bfloat16": 0.06, "float16": 0.01}
"""Of scores: a log-probability is a sum of some ten numbers of 8 or 11 significant bits; the scores themselves lie much further apart."""


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("family", INITIAL)
def test_half_precision_scores_and_searches_close_to_single(
    family: str, dtype: str, language_model_folder: Callable[..., Path]
) -> None:
    torch.manual_seed(3)
    folder = language_model_folder(family, spread=0.3)
    names = [[5 + place % 7, *range(20, 20 + place % 4), 9 + place] for place in range(40)]
    trie, text = NameTrie.build(names), torch.tensor([[2, 40, 41, 42, 43], [0, 0, 2, 60, 61]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])
    scores, found = [], []
    for precision in ("float32", dtype):
        lm = LanguageModel.load(str(folder), dtype=precision, device="cpu")
        assert {parameter.dtype for parameter in lm.network.parameters()} == {getattr(torch, precision)}
        stored = {parameter.data_ptr(): parameter for parameter in lm.network.parameters()}.values()
        stated = language_model_memory(str(folder), precision, 2)[f"the language model in {precision}"]
        assert stated == sum(parameter.numel() * parameter.element_size() for parameter in stored)
        with torch.no_grad():
            prefix = lm.prefill(lm.embed(text), mask)
            scores.append(name_scores(lm, prefix, [names, names]))
        found.append(beam_search(lm, prefix, trie))
    assert scores[0].std() > 5 * TOLERANCE[dtype]
    torch.testing.assert_close(scores[1], scores[0], rtol=0, atol=TOLERANCE[dtype])
    for query, (single, half) in enumerate(zip(*found, strict=True)):
        assert not half.broken
        assert len(half.hypotheses) == 5
        assert half.hypotheses[0].score == pytest.approx(single.hypotheses[0].score, abs=TOLERANCE[dtype])
        for hypothesis in half.hypotheses:  # what it found scores, by itself, as it says
            own = float(scores[1][query, names.index(list(hypothesis.tokens))])
            assert hypothesis.score == pytest.approx(own, abs=TOLERANCE[dtype])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu_it_answers_as_on_the_processor(gemel: Callable[..., GEMEL], queries: list[Query]) -> None:
    asked = [*queries, *(replace(query, candidates=None) for query in queries)]
    answers, expected = (gemel(device=device).link(asked, "IT2T") for device in ("cuda", "cpu"))
    for answer, other in zip(answers, expected, strict=True):
        assert answer.ranked == other.ranked
        assert answer.scores == pytest.approx(other.scores, abs=1e-3)
