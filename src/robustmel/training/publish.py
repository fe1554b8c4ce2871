"""Weights, configuration and tokenizer as a folder in the Hugging Face layout."""

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file


def publish(model: Any, tokenizer: Any, folder: Path, precision: str) -> None:
    """Writes a model and its tokenizer; `from_pretrained(folder)` of the library loads them.

    Weights may be stored in half precision; the config says float32 all the same, so that they are computed with in full
    precision, also where half precision is slow or missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = copy.deepcopy(model)
    for parameter in stored.parameters():  # not the running statistics of batch norms: variances outgrow half precision
        parameter.data = parameter.data.to(getattr(torch, precision))
    # Tied weights are stored once, under their first name. The format's own function would list the other names in an order that
    # changes from run to run.
    tensors = {name: tensor.contiguous() for name, tensor in reversed(stored.state_dict().items())}
    once = {(tensor.data_ptr(), tensor.shape): name for name, tensor in tensors.items()}
    save_file({name: tensors[name] for name in once.values()}, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    config = stored.config
    config.architectures = [type(stored).__name__]
    for part in (config, *(getattr(config, name) for name in config.sub_configs)):
        part.dtype = torch.float32
        part._name_or_path = ""  # where a base lay on this machine is nobody's business
    config.to_json_file(folder / "config.json", use_diff=False)
    # The library keeps its files from all other users; these are to be read as the rest of the folder is.
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)
