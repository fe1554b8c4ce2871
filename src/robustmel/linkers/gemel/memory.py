"""The memory that a GEMEL takes, before anything is loaded."""

from typing import Any

from robustmel.linkers.gemel.checkpoint import FROZEN, read_settings
from robustmel.linkers.weights import model_folder, read_json, weight_count, weight_files

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of a number, by the parameter `dtype`."""

SHAPE = ("num_hidden_layers", "num_attention_heads", "hidden_size", "max_position_embeddings")
"""What configurations of language models state."""


def memory(**parameters: Any) -> dict[str, int]:
    """What takes memory -> bytes: the frozen models, by the headers of their files, and what a batch of whole contexts keeps.

    Args:
        parameters: All of the linker's.

    Raises:
        MissingError: A file is not there or cannot be read.
    """
    settings = read_settings(parameters["model"], **{name: parameters.get(name) for name in FROZEN})
    taken = language_model_memory(settings.language_model, parameters["dtype"], parameters["batch_size"])
    if parameters.get("features") is None:
        taken["the vision encoder"] = weight_count(weight_files(settings.vision)) * BYTES["float32"]
    return taken


def language_model_memory(
    model: str, dtype: str, prompts: int, name: str = "the language model", revision: str | None = None
) -> dict[str, int]:
    """The same of a language model alone.

    Args:
        model: A folder, a hub id, or `world:NAME`.
        dtype: Of the weights.
        prompts: Read at a time.
        name: What it is called.
        revision: Of a hub id.
    """
    taken = {f"{name} in {dtype}": weight_count(weight_files(model, revision)) * BYTES[dtype]}
    config = read_json(model_folder(model, revision) / "config.json")
    config = config.get("text_config", config)
    if all(isinstance(config.get(name), int) for name in SHAPE):
        layers, heads, width, context = (config[name] for name in SHAPE)
        kept = 2 * layers * (config.get("num_key_value_heads") or heads) * (config.get("head_dim") or width // heads)
        taken[f"keys and values of {prompts} prompts of {context:,} tokens"] = prompts * context * kept * BYTES[dtype]
    return taken
