"""GEMEL's feature mapper trained in batches, beside batch size 1 with accumulation, as GEMEL's authors train it.

JSON lines: one a job and way, with the training mentions that go through a step in a second (of one processor, medians over repetitions
that take turns), and last, for each job, {"library": "ratio", "way": ..., "value": seconds one by one / seconds this way}. Every
repetition asserts that all ways come to the same loss and gradient.

    python benchmarks/mapper_training.py [--quick]

"whole" reads the 32 prompts of a batch at once, "parts" four at a time (`accumulation = 8`), and the peer one at a time. The prompts
are those of world-news, without and with demonstrations (about 40 and 230 tokens), read by its own language model (1.2 million
parameters) and by an OPT of random weights (384 wide, 6 layers). Images are encoded once, before; a step's optimiser is left out.

On one core there is little to win: a prompt with demonstrations keeps it busy by itself, and a whole batch pays for its padding and
its memory. Batches are for short prompts and for devices that have more to give.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.measure import Figure, Lines, relative, turns

import robustmel
from robustmel.datasets.dataset import Dataset
from robustmel.linkers.weights import model_folder
from robustmel.training.feature_mapper import FeatureMapperTrainee
from robustmel.training.feature_mapper_recipe import FeatureMapperRecipe

BATCH = 32
SINGLY = "one by one"
WAYS = {"whole": 1, "parts": 8, SINGLY: BATCH}
"""Way -> parts that a batch is read in."""


@contextmanager
def random_opt(width: int, layers: int) -> Iterator[str]:
    """The folder of an OPT of random weights with the tokenizer of the embedded world's."""
    from transformers import AutoTokenizer, OPTConfig, OPTForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(model_folder("world:opt-world"))
    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        word_embed_proj_dim=width,
        ffn_dim=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        max_position_embeddings=1024,
        eos_token_id=tokenizer.eos_token_id,
    )
    with tempfile.TemporaryDirectory() as folder:
        OPTForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        yield folder


def step(trainee: FeatureMapperTrainee, batch: list[int]) -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients of one batch."""
    parts = []
    for part in trainee.loss(batch, 1, 0):
        part.backward()
        parts.append(part.item())
    gradients = [parameter.grad for parameter in trainee.model.parameters() if parameter.grad is not None]
    trainee.model.zero_grad(set_to_none=True)
    return sum(parts), gradients


def same(results: Mapping[str, Sequence[tuple[float, list[torch.Tensor]]]]) -> None:
    """Whether all ways came to the losses and gradients of reading one by one.

    Raises:
        AssertionError: One did not.
    """
    for steps in results.values():
        for (loss, gradients), (other, others) in zip(steps, results[SINGLY], strict=True):
            assert abs(loss - other) <= 1e-4 * abs(other)
            for gradient, expected in zip(gradients, others, strict=True):
                assert (gradient - expected).norm() <= 1e-3 * expected.norm()


def training(data: Dataset, name: str, language_model: str, steps: int, repetitions: int, lines: Lines, demos: int = 4) -> None:
    """All ways over the same batches."""
    recipe = FeatureMapperRecipe(language_model=language_model, batch_size=BATCH, demos=demos, limit=steps * BATCH)
    trainee = FeatureMapperTrainee([data], recipe)
    batches = list(trainee.batches(1))
    results: dict[str, list[tuple[float, list[torch.Tensor]]]] = {}

    def trained(way: str) -> None:
        trainee.recipe = replace(recipe, accumulation=min(WAYS[way], BATCH))
        results[way] = [step(trainee, batch) for batch in batches]
        if len(results) == len(WAYS):
            same(results)
            results.clear()

    seconds = turns({way: partial(trained, way) for way in WAYS}, repetitions)
    job = f"{len(batches)} steps of {BATCH} mentions, {demos} demonstrations, {name}"
    for way, values in seconds.items():
        rate = len(batches) * BATCH / Figure.of(values).value
        lines.tell("robustmel", job, way=way, mentions_a_second=round(rate, 1))
    for way in (way for way in WAYS if way != SINGLY):
        ratio = relative(seconds[SINGLY], seconds[way])
        lines.ratio(job, ratio.value, 1.0, way=way, noise=round(ratio.noise, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 step and one repetition")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines, data = Lines(threads=1), robustmel.load_dataset("world-news", split="train")
    steps, repetitions = (1, 1) if asked.quick else (2, 5)
    for demos in (0, 4):
        training(data, "opt-world", "world:opt-world", steps, repetitions, lines, demos)
    with random_opt(384, 6) as folder:
        for demos in (0, 4):
            training(data, "OPT of 384 x 6", folder, 1, repetitions, lines, demos)
    sys.exit(lines.end())


if __name__ == "__main__":
    main()
