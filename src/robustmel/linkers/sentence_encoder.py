"""A sentence encoder, such as SimCSE: retrieves demonstrations as in GEMEL's paper, and tells how similar two texts are."""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from robustmel.errors import UsageError, with_article
from robustmel.linkers.loading import check_complete, load_text_model, pick_device
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.weights import POOLING, model_folder, read_json, weight_files

USUAL_LIMIT = 512
"""Tokens of a text where the folder states no limit."""

SHORT = 8
"""Tokens that most mentions do not exceed: they are padded no further."""


def sentence_tower(model: str, device: torch.device) -> TextTower:
    """Embeds texts by the pooled output of a sentence encoder.

    Where the folder is of the sentence-transformers library and says so, or has no weights of a pooled output, the mean of the outputs
    stands in its place.

    Raises:
        UsageError: It has no pooled output.
        MissingError: It is not there, not complete or unreadable.

    Source:
        Gao et al., "SimCSE: Simple Contrastive Learning of Sentence Embeddings", EMNLP 2021.
    """
    folder = model_folder(model)
    network, tokenizer, report = load_text_model(model, folder, "AutoModel")
    mean = (folder / POOLING).is_file() and read_json(folder / POOLING).get("pooling_mode_mean_tokens") is True
    pooled = not mean and not any(name.startswith("pooler.") for name in report["missing_keys"])
    report["missing_keys"] = {name for name in report["missing_keys"] if not name.startswith("pooler.")}
    if not pooled:  # the head of a masked language model, which is not needed
        report["unexpected_keys"] = {name for name in report["unexpected_keys"] if not name.startswith(("lm_head.", "cls."))}
    check_complete(report, model, type(network).__name__)
    if getattr(network, "pooler", None) is None:
        raise UsageError(
            f"{model} is {with_article(type(network).__name__)}, which gives no pooled output; use one of BERT's kind."
        )
    network.eval().requires_grad_(False).to(device)

    def features(tokens: Tensor, mask: Tensor) -> Tensor:
        outputs = network(input_ids=tokens, attention_mask=mask)
        if pooled:
            return outputs.pooler_output  # type: ignore[no-any-return]
        shown = mask[:, :, None]
        return (outputs.last_hidden_state * shown).sum(1) / shown.sum(1)  # type: ignore[no-any-return]

    positions = getattr(network.config, "max_position_embeddings", USUAL_LIMIT)
    limit = min(USUAL_LIMIT, int(positions), int(tokenizer.model_max_length))
    if network.config.model_type == "roberta":  # whose positions begin behind the padding's
        limit = min(limit, int(positions) - int(network.config.pad_token_id) - 1)
    tower = TextTower(tokenizer, features, limit, fixed_length=False, device=device)
    tower.lengths = (SHORT, *tower.lengths) if limit > SHORT else tower.lengths
    return tower


def kept_tower(model: str) -> TextTower:
    """The tower of a sentence encoder; the last one stays loaded while its files are as they were. Raises what `sentence_tower` does."""
    return _kept(model, tuple((file, file.stat().st_mtime_ns) for file in weight_files(model)))


@lru_cache(maxsize=1)
def _kept(model: str, files: tuple[tuple[Path, int], ...]) -> TextTower:
    return sentence_tower(model, pick_device("auto"))
