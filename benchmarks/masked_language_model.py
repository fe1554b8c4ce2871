"""A masked language model of distilroberta's shape, of random weights, whose vocabulary holds the words of the texts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

VOCABULARY = 50_265
"""Of distilroberta; tokens beyond those learnt from the texts are filled with made-up words, so that the head is as large."""

SYLLABLES = [start + end for start in "bdfghjklmnprstvz" for end in ("a", "e", "i", "o", "u")][:38]

SPREAD = 7.0
"""How many times as far the scores lie apart as those of random weights: then the likeliest words are about as likely as a trained model's."""


def random_distilroberta(texts: Sequence[str]) -> Path:
    """A folder that `AutoModelForMaskedLM` and `AutoTokenizer` load: 6 layers of width 768, 12 heads, 512 tokens."""
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM

    from robustmel.training.publish import publish
    from robustmel.training.texts import learn_tokenizer

    folder = Path(tempfile.mkdtemp(prefix="distilroberta-"))
    made_up = [f"{first}{second}{third}" for first in SYLLABLES for second in SYLLABLES for third in SYLLABLES]
    tokenizer = learn_tokenizer([*texts, " ".join(made_up)], VOCABULARY, 512, masked=True, fills_in=True)
    torch.manual_seed(0)
    shape = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 6, "num_attention_heads": 12}
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = RobertaConfig(vocab_size=VOCABULARY, max_position_embeddings=515, type_vocab_size=1, **shape, **ids)
    network = RobertaForMaskedLM(config)
    network.lm_head.layer_norm.weight.data.mul_(SPREAD)
    publish(network, tokenizer, folder, "float32")
    return folder
