"""Names generated after long prompts: five beams over a trie, beside `generate` with a prefix callback.

JSON lines: one a job and library with its figures (processor seconds of all queries, medians over repetitions that take turns), and
last, for each job, {"library": "ratio", "job": ..., "value": the peer's seconds / ours}. Every repetition asserts that both give the
same names. Then lines on exact search against the scores of all names: how often it proves the best name within three times the tokens
that five beams read, how many times that the median query needs, and how often the beams' best name is not the best one; for the
embedded GEMEL, too (benchmarks/exact_beams.py). Between them, lines of benchmarks/shared_prompts.py: what prompts whose demonstrations
begin alike save, by the order of the demonstrations.

    python benchmarks/generation.py [--quick] [--check]

The language model is an OPT of random weights (384 wide, 6 layers), the names are those of benchmarks/trie.py. A prompt is 16
demonstrations of about 50 tokens, the same ones for all queries, and the query itself. The peer reads one query at a time and every
prompt once for each beam, as `generate` does; "each prompt" reads the whole prompt of each query once, all queries in a batch;
"shared demos" reads the demonstrations once for all queries.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.exact_beams import against_the_proof
from benchmarks.measure import Figure, Lines, turns
from benchmarks.shared_prompts import sharing
from benchmarks.trie import named, nested_dict, token_sequences, trained_tokenizer

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.exact_search import exact_search
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix
from robustmel.linkers.gemel.name_scores import name_scores

DEMOS, DEMO_TOKENS, QUERY_TOKENS = 16, 49, 40
BEAMS, LIMIT = 5, 32
NAMES = 10_000
PEER, WHOLE, SHARED = "transformers, generate", "each prompt", "shared demos"


class Tokenizer:
    """All that a language model asks of one here."""

    def __init__(self, end: int) -> None:
        self.eos_token_id, self.bos_token_id = end, None

    def __call__(self, text: str) -> dict[str, list[int]]:
        """No start token is put before texts."""
        return {"input_ids": [0]}


class CountingModel(LanguageModel):
    """Counts the tokens that are read after prompts."""

    read = 0

    def extend(self, prefix: Prefix, tokens: torch.Tensor, parents: torch.Tensor | None = None) -> Prefix:
        """As it does, and counts."""
        self.read += len(tokens)
        return super().extend(prefix, tokens, parents)


def language_model(end: int, width: int = 384, layers: int = 6, sureness: float = 1.0) -> CountingModel:
    """An OPT of random weights; `sureness` multiplies its logits."""
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=end + 1,
        hidden_size=width,
        word_embed_proj_dim=width,
        ffn_dim=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        max_position_embeddings=1024,
        eos_token_id=end,
        tie_word_embeddings=False,
    )
    network = OPTForCausalLM(config)
    with torch.no_grad():
        network.lm_head.weight *= sureness
    return CountingModel(network, Tokenizer(end))


def generated(lm: LanguageModel, embeds: torch.Tensor, root: dict[int, Any]) -> list[list[tuple[int, ...]]]:
    """By the library, one query at a time; the callback walks the nested dict from its root, as prefix callbacks do."""

    def may_follow(_: int, sent: torch.Tensor) -> list[int]:
        node: dict[int, Any] = root
        for token in sent.tolist():
            node = node.get(token, {})
        return [lm.end if token < 0 else token for token in node] or [lm.end]

    names = []
    for prompt in embeds:
        output = lm.network.generate(
            inputs_embeds=prompt[None],
            attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
            prefix_allowed_tokens_fn=may_follow,
            num_beams=BEAMS,
            num_return_sequences=BEAMS,
            max_new_tokens=LIMIT,
            eos_token_id=lm.end,
            pad_token_id=lm.end,
            do_sample=False,
        )
        names.append([tuple(row[: row.index(lm.end)]) for row in output.tolist()])
    return names


def beaming(sequences: Sequence[Sequence[int]], end: int, queries: int, repetitions: int, lines: Lines) -> None:
    """The three ways side by side, then what reading the prompts alone takes."""
    lm, trie, root = language_model(end), NameTrie.build(sequences), nested_dict(sequences)
    draw = torch.Generator().manual_seed(0)
    demos = lm.embed(torch.randint(0, end, (1, DEMOS * DEMO_TOKENS), generator=draw))
    asked = lm.embed(torch.randint(0, end, (queries, QUERY_TOKENS), generator=draw))
    whole = torch.cat((demos.expand(queries, -1, -1), asked), 1)

    def prefilled(shared: bool) -> Prefix:
        before = lm.prefill(demos, torch.ones(demos.shape[:2])) if shared else None
        embeds = asked if shared else whole
        return lm.prefill(embeds, torch.ones(embeds.shape[:2]), before, torch.zeros(queries, dtype=torch.int64))

    def searched(shared: bool) -> list[list[tuple[int, ...]]]:
        answers = beam_search(lm, prefilled(shared), trie, BEAMS, LIMIT)
        return [[hypothesis.tokens for hypothesis in answer.hypotheses] for answer in answers]

    names: dict[str, list[list[tuple[int, ...]]]] = {}
    runs = {
        PEER: lambda: names.update({PEER: generated(lm, whole, root)}),
        WHOLE: lambda: names.update({WHOLE: searched(shared=False)}),
        SHARED: lambda: names.update({SHARED: searched(shared=True)}),
    }
    reading = {
        PEER: lambda: [lm.prefill(prompt.expand(BEAMS, -1, -1), torch.ones(BEAMS, len(prompt))) for prompt in whole],
        WHOLE: lambda: prefilled(shared=False),
        SHARED: lambda: prefilled(shared=True),
    }
    with torch.no_grad():
        seconds = {way: Figure.of(values).value for way, values in turns(runs, repetitions).items()}
        assert names[PEER] == names[WHOLE] == names[SHARED]
        prompts = {way: Figure.of(values).value for way, values in turns(reading, 1).items()}
    job = f"{queries} queries, {BEAMS} beams, prompts of {whole.shape[1]} tokens"
    for way, spent in seconds.items():
        library = "transformers" if way == PEER else "robustmel"
        lines.tell(library, job, way=way, seconds=round(spent, 2), reading_the_prompts=round(prompts[way], 2))
    for way, bound in ((WHOLE, 1.8), (SHARED, 4.0)):
        lines.ratio(job, seconds[PEER], seconds[way], way=way, peer=PEER)
        ratio = seconds[PEER] / seconds[way]
        lines.expect(f"{job}, {way}", f"{ratio:.2f} times as fast as generate, at least {bound}", ratio >= bound)


def clue(name: Sequence[int], draw: random.Random) -> list[int]:
    """About seven in ten of a name's tokens, in their order: what the trained model reads before it says the name."""
    return [token for token in name if draw.random() < 0.7] or list(name[:1])


def taught(lm: LanguageModel, sequences: Sequence[Sequence[int]], steps: int) -> None:
    """Trains a language model to say names after clues, long enough to be surer of some names than of others."""
    network, draw = lm.network.train().requires_grad_(True), random.Random(0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(steps):
        pairs = [(clue(name, draw), name) for name in draw.choices(sequences, k=64)]
        texts = [[*before, lm.end, *name, lm.end] for before, name in pairs]
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(text) for text in texts], batch_first=True, padding_value=lm.end)
        places = torch.arange(ids.shape[1] - 1)
        said = places >= torch.tensor([len(before) for before, _ in pairs])[:, None]
        said &= places < torch.tensor([len(text) - 1 for text in texts])[:, None]
        logits = network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits[said], ids[:, 1:][said])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    network.eval().requires_grad_(False)


def proving(
    lm: CountingModel,
    about: str,
    sequences: Sequence[Sequence[int]],
    queries: int,
    length_penalty: float,
    budget: int,
    lines: Lines,
) -> None:
    """Exact search against the scores of all names; what a proof costs, beside five beams."""
    trie, draw = NameTrie.build(sequences), random.Random(1)
    cheap = wrong = proved = disagreements = 0
    needed = []
    for name in draw.choices(sequences, k=queries):
        text = torch.tensor([[*clue(name, draw), lm.end]])
        prefix = lm.prefill(lm.embed(text), torch.ones_like(text))
        lm.read = 0
        beam = beam_search(lm, prefix, trie, BEAMS, LIMIT, length_penalty)[0].hypotheses[0]
        allowance = 3 * lm.read
        cheap += exact_search(lm, prefix, trie, 0, length_penalty, allowance, width=1, known=beam).proved
        with torch.no_grad():
            best = float(name_scores(lm, prefix, [sequences], length_penalty).max())
        wrong += beam.score < best - 1e-5 * abs(best)
        exact = exact_search(lm, prefix, trie, 0, length_penalty, budget, width=64)
        needed.append(3 * exact.evaluations / allowance)
        disagreements += exact.proved and (exact.best is None or abs(exact.best.score - best) > 1e-5 * abs(best))
        proved += exact.proved
    job = f"the best of {len(sequences):,} names, {about}, length penalty {length_penalty:g}"
    lines.tell(
        "robustmel",
        job,
        queries=queries,
        beams_wrong=wrong,
        proved_within_three_times=cheap,
        budget=budget,
        proved=proved,
        disagreements=disagreements,
        times_the_beams=round(Figure.of(needed).value, 1),
    )
    lines.expect(job, f"{disagreements} disagreements with the scores of all names, none allowed", not disagreements)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 queries instead of 6, one repetition")
    parser.add_argument("--check", action="store_true", help="exit 1 where a bound is broken")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    lines = Lines(threads=1)
    _, names = named(NAMES)
    tokenizer = trained_tokenizer(names)
    sequences = list(token_sequences(tokenizer, names))
    end = tokenizer.get_vocab_size()
    beaming(sequences, end, 3 if asked.quick else 6, 1 if asked.quick else 2, lines)
    sharing(16 if asked.quick else 32, lines)
    short = trained_tokenizer(names, 1_000)  # more tokens a name, and quicker to learn
    sequences, end = [ids[: LIMIT - 1] for ids in token_sequences(short, names)], short.get_vocab_size()
    for sureness, about in ((1.0, "random weights, flat"), (24.0, "random weights, peaked")):
        lm = language_model(end, width=64, layers=2, sureness=sureness)
        proving(lm, about, sequences, 1, 1.0, 100_000, lines)
    lm = language_model(end, width=128, layers=2)
    taught(lm, sequences, 20 if asked.quick else 150)
    for length_penalty in (0.0, 1.0):
        proving(lm, "trained briefly", sequences, 1 if asked.quick else 6, length_penalty, 2_000, lines)
    against_the_proof(10 if asked.quick else 200, lines)
    sys.exit(lines.end(asked.check))


if __name__ == "__main__":
    main()
