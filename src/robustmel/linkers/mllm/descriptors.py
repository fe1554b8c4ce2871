"""What an image shows, in words: the main object, its colours and its shapes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.mllm.linker import MLLM
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.preprocessing import Picture

DESCRIBE = "describe"
"""The prompt's question for them."""


@torch.no_grad()
def describe(linker: MLLM, pictures: Sequence[Picture], most: int = 32) -> list[str]:
    """What a multimodal language model writes when it is asked for the descriptors of each picture ("flag, red, white, cross").

    Args:
        linker: The model.
        pictures: Of any sizes.
        most: Tokens of a reply.
    """
    prompt: Prompt = read_prompt(Prompt, "mllm", 1)
    texts: list[str] = []
    for start in range(0, len(pictures), linker.batch_size):
        features = linker.model.picture_vectors(pictures[start : start + linker.batch_size])
        prompts = [linker.model.prompt(prompt.ask[DESCRIBE].strip(), vectors[..., 0].numel()) for vectors in features]
        written = beam_search(linker.model.lm, linker.model.read(prompts, features), None, 1, most, 0.0)
        texts += [linker.text(result.hypotheses[0].tokens) if result.hypotheses else "" for result in written]
    return texts
