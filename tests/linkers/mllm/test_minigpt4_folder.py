"""A public MiniGPT-4 checkpoint and its parts become one folder: every weight where it belongs, nothing left out in silence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.mllm.minigpt4_folder import assemble
from robustmel.linkers.weights import EMBEDDED
from robustmel.training.texts import learn_tokenizer
from robustmel.types import Query

BLIP2 = load_file(EMBEDDED / "blip2-world" / "model.safetensors")
WIDTH = 96


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama, in sharded safetensors."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("llama")
    tokenizer: Any = learn_tokenizer(["a red disc 1 2 3"], 300, 256, masked=True, generative=True)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=300, max_position_embeddings=256, bos_token_id=0, eos_token_id=1, pad_token_id=2, **shape)
    LlamaForCausalLM(config).save_pretrained(folder, max_shard_size="40KB")
    tokenizer.save_pretrained(folder)
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


def public(**changes: Tensor) -> dict[str, Tensor]:
    """What the published files hold, names and all; the Q-Former's own names are another's."""
    held = {name: torch.randn_like(value.float()) for name, value in BLIP2.items() if "attention.attention.query" in name}
    weights = {
        name.replace("qformer.", "Qformer.bert.", 1).replace("attention.attention", "attention.self"): value
        for name, value in held.items()
    }
    weights |= {"llama_proj.weight": torch.randn(32, WIDTH), "llama_proj.bias": torch.randn(32)}
    return weights | {"ln_vision.weight": torch.rand(WIDTH), "query_tokens": torch.randn(1, 6, WIDTH)} | changes


def assembled(weights: dict[str, Tensor], llama: Path, folder: Path) -> Path:
    torch.save({"model": weights, "epoch": 3}, folder / "public.pth")
    assemble(str(folder / "public.pth"), "world:blip2-world", str(llama), str(folder / "whole"), dtype="float32")
    return folder / "whole"


def test_every_weight_comes_from_its_part(llama: Path, tmp_path: Path, trial: tuple[KnowledgeBase, list[Query]]) -> None:
    weights = public()
    linker = LINKERS.create("minigpt4", trial[0], model=str(assembled(weights, llama, tmp_path)), device="cpu")
    own = linker.model.network.state_dict()
    name = "qformer.encoder.layer.1.crossattention.attention.query.weight"
    assert torch.equal(own[name], weights["Qformer.bert.encoder.layer.1.crossattention.self.query.weight"])
    assert torch.equal(own["vision_model.post_layernorm.weight"], weights["ln_vision.weight"])
    assert torch.equal(own["query_tokens"], weights["query_tokens"])
    for name in ("qformer.layernorm.weight", "vision_model.encoder.layers.0.layer_norm1.weight"):
        assert torch.equal(own[name], BLIP2[name].float())
    theirs = {name: value for file in llama.glob("*.safetensors") for name, value in load_file(file).items()}
    assert all(torch.equal(own[f"llama.{name}"], value) for name, value in theirs.items())
    assert linker.model.conversation("What?", 1) == "###Human: <Img><ImageHere></Img> What? ###Assistant: "
    assert linker.link(trial[1][:2], "IT2T")[0].error is None


def test_without_a_q_former_four_patches_are_one_vector(
    llama: Path, tmp_path: Path, trial: tuple[KnowledgeBase, list[Query]]
) -> None:
    weights = {"llama_proj.weight": torch.randn(32, 4 * WIDTH), "llama_proj.bias": torch.randn(32)}
    linker = LINKERS.create("minigpt4", trial[0], model=str(assembled(weights, llama, tmp_path)), device="cpu")
    values = torch.randn(1, 3, 48, 48)
    patches = linker.model.network.vision_model(pixel_values=values).last_hidden_state[0, 1:]
    by_hand = torch.stack([torch.cat(list(patches[place : place + 4])) for place in range(0, 36, 4)])
    expected = by_hand @ weights["llama_proj.weight"].T + weights["llama_proj.bias"]
    assert torch.allclose(linker.model.vectors(values)[0], expected, atol=1e-4)
    assert linker.model.conversation("What?", 0) == "[INST] What? [/INST] "


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Qformer.cls.bias": torch.zeros(3)}, r"Qformer.cls.bias has no place in this MiniGPT-4"),
        ({"query_tokens": torch.zeros(1, 7, WIDTH)}, r"query_tokens is \(1, 7, 96\) and not \(1, 6, 96\)"),
        ({"llama_model.layers.0.q.lora_A.weight": torch.zeros(3)}, "holds adapters"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Tensor], said: str, llama: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=said):
        assembled(public(**changes), llama, tmp_path)


def test_a_file_without_the_linear_layer_is_no_checkpoint(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="is no checkpoint of MiniGPT-4: 'llama_proj.weight'"):
        assembled({"other": torch.zeros(1)}, llama, tmp_path)


def test_weights_that_no_part_holds_are_named(llama: Path, tmp_path: Path) -> None:
    """Never random ones in their place."""
    shorn = tmp_path / "llama"
    shutil.copytree(llama, shorn)
    for file in shorn.glob("*.safetensors"):
        weights = load_file(file)
        weights.pop("model.layers.1.mlp.up_proj.weight", None)
        save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(
        MissingError, match=r"1 weights of a MiniGPT-4 .* the first: llama\.model\.layers\.1\.mlp\.up_proj\.weight"
    ):
        assembled(public(), shorn, tmp_path)
