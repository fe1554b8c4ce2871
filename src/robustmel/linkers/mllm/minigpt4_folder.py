"""One folder of a public MiniGPT-4 checkpoint and of the parts that it was trained between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from robustmel.errors import MissingError
from robustmel.linkers.mllm.minigpt4_network import JOINED, MiniGPT4Config, MiniGPT4Network, public_weights
from robustmel.linkers.weights import model_folder, read_json, safetensors


def assemble(checkpoint: str, blip2: str, language_model: str, out: str, dtype: str = "float16") -> None:
    """Writes a folder that the linker `minigpt4` reads.

    Args:
        checkpoint: The public file: a .pth, which is read as tensors alone, or its `model` as safetensors.
        blip2: BLIP-2 in the library's layout: a folder, hub id or `world:NAME`. Its Q-Former is left out where the checkpoint's
            linear layer reads four patches at a time (the Llama-2 variant).
        language_model: The Llama, likewise.
        out: The folder to be made.
        dtype: Of the weights written.

    Raises:
        MissingError: A part is absent, or the parts do not make a whole MiniGPT-4; the sentence names the first weights that lack.
    """
    from transformers import AutoTokenizer, BlipImageProcessorPil

    public, vision, llama = _public(Path(checkpoint)), model_folder(blip2), model_folder(language_model)
    config, width = read_json(vision / "config.json"), public["llama_proj.weight"].shape[1]
    joined = width == JOINED * config["vision_config"]["hidden_size"]
    former = config["qformer_config"] | {"use_qformer_text_input": False}
    stated: Any = MiniGPT4Config(
        vision_config=config["vision_config"],
        text_config=read_json(llama / "config.json"),
        qformer_config=None if joined else former,
        num_query_tokens=config.get("num_query_tokens", 32),
        tie_word_embeddings=bool(read_json(llama / "config.json").get("tie_word_embeddings")),
    )
    network: Any = MiniGPT4Network(stated).to(getattr(torch, dtype))
    own: dict[str, Tensor] = network.state_dict()
    parts = {name: value for file in _shards(vision) for name, value in load_file(file).items()}
    parts |= {f"llama.{name}": value for file in _shards(llama) for name, value in load_file(file).items()}
    if stated.tie_word_embeddings:
        parts["llama.lm_head.weight"] = parts["llama.model.embed_tokens.weight"]
    weights = {name: value for name, value in parts.items() if name in own and own[name].shape == value.shape}
    weights |= public_weights(public, network)
    if absent := [name for name in own if name not in weights]:
        raise MissingError(
            f"{len(absent)} weights of a MiniGPT-4 are in none of its parts, the first: {', '.join(absent[:3])}; take the BLIP-2 and "
            "the language model that the checkpoint was trained between."
        )
    network.load_state_dict(weights)
    network.save_pretrained(out)
    tokenizer: Any = AutoTokenizer.from_pretrained(llama, local_files_only=True, trust_remote_code=False)
    tokenizer.chat_template = None  # a conversation of MiniGPT-4 is not the language model's own
    tokenizer.save_pretrained(out)
    side = config["vision_config"]["image_size"]
    BlipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(out)


def _shards(folder: Path) -> list[Path]:
    return [file for file in safetensors(folder) if file.suffix == ".safetensors"]


def _public(file: Path) -> dict[str, Tensor]:
    try:
        read: Any = load_file(file) if file.suffix == ".safetensors" else torch.load(file, "cpu", weights_only=True)
        weights: dict[str, Tensor] = read["model"] if isinstance(read.get("model"), dict) else read
        weights["llama_proj.weight"]
        return weights
    except (OSError, KeyError, AttributeError, RuntimeError, ValueError) as problem:
        raise MissingError(f"{file} is no checkpoint of MiniGPT-4: {problem}.") from problem
