"""Sentences a second of the text attacks, beside TextAttack's augmenters where that can be imported.

JSON lines: one a job and library with its figures (processor seconds, medians over repetitions that take turns), and last, for each
job that has a peer, {"library": "ratio", "job": ..., "value": the peer's seconds / ours}.

    python benchmarks/text_attacks.py [--quick] [--check]

200 sentences, of which a tenth of the words is edited; nothing is protected, as TextAttack protects nothing. On both sides function
words stay and no word is edited twice. The sentences are real ones where ../shared/bench/mel_data.py lies beside the checkout, else they
are put together from syllables. A first run of each does not count, so files are read, and synonyms looked up once, before the clock starts. CLARE has fewer sentences (the peer needs half a
minute for each), a masked language model of distilroberta's shape and random weights, and on our side the similarity of whole texts by
the same model; "of_them" is how many, "tokens" went through the model for one sentence, padding included, those of the similarity not. WordNet is
compared where a database lies in /usr/share/wordnet (or in $WORDNET) and the peer's own data are installed. Optional imports of
TextAttack that are absent and not needed here are stubbed; a line names them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, the folder above is not on the path

from benchmarks.masked_language_model import random_distilroberta
from benchmarks.measure import Figure, Lines, relative, turns
from benchmarks.stubbed_imports import OF_TEXTATTACK, stub

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.masked_lm import masked_lm
from robustmel.attacks.text.words import is_stop_word
from robustmel.types import Query

MEL_DATA = Path(__file__).resolve().parents[2] / "shared" / "bench" / "mel_data.py"
WORDNET = os.environ.get("WORDNET", "/usr/share/wordnet")
RATE = 0.1
"""Share of words edited."""
AT_LEAST, CLARE_AT_LEAST = 100.0, 30.0
"""How many times as fast as the peer every job must be, and CLARE."""
CLARE_SENTENCES = 32
PEER_SENTENCES = 6


def sentences(count: int) -> tuple[str, list[str]]:
    """Where sentences come from, and so many of them."""
    if MEL_DATA.exists():
        spec = importlib.util.spec_from_file_location("mel_data", MEL_DATA)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return "Wikidata-MEL", list(module.sentences(count))
    draw = random.Random(0)
    syllables = [start + end for start in "bdfgklmnprst" for end in ("a", "er", "in", "o")]
    words = ["".join(draw.choices(syllables, k=draw.randint(1, 3))) for _ in range(2000)]
    return "words", [" ".join(draw.choices(words, k=draw.randint(5, 40))).capitalize() + "." for _ in range(count)]


def ours(name: str, texts: Sequence[str], **given: Any) -> Callable[[], Any]:
    """A run of an attack of the project on all texts."""
    attack = ATTACKS.create(name, edit_rate=RATE, protect="none", **given)
    queries = [Query(str(place), text, "", None, None, ()) for place, text in enumerate(texts)]
    return lambda: attack.perturb(queries, None, [None] * len(queries), range(len(queries)))


def peers(texts: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """Job -> a run of TextAttack's augmenter on all texts; a job whose data are absent is left out.

    Raises:
        ImportError: TextAttack, or what it imports, is absent.
    """
    from textattack.augmentation import Augmenter, CharSwapAugmenter, WordNetAugmenter
    from textattack.augmentation.recipes import DEFAULT_CONSTRAINTS
    from textattack.transformations import WordSwapQWERTY

    augmenters = {
        "qwerty": Augmenter(WordSwapQWERTY(), constraints=DEFAULT_CONSTRAINTS, pct_words_to_swap=RATE),
        "char_swap": CharSwapAugmenter(pct_words_to_swap=RATE),
        "wordnet": WordNetAugmenter(pct_words_to_swap=RATE),
    }
    runs: dict[str, Callable[[], Any]] = {}
    for job, augmenter in augmenters.items():
        try:
            augmenter.augment(texts[0])
        except LookupError:  # nltk's data are not installed
            continue
        runs[job] = lambda augmenter=augmenter: [augmenter.augment(text) for text in texts]
    return runs


def clare_peer(texts: Sequence[str], folder: Path) -> Callable[[], Any]:
    """TextAttack's CLARE without the similarity of its sentence encoder and without its tagger, which are fetched from a hub.

    In place of the tagger every word but function words is a noun, at once: the peer is no slower for it.

    Raises:
        Exception: Whatever TextAttack raises where it is absent.
    """
    from textattack.augmentation import Augmenter
    from textattack.augmentation.recipes import DEFAULT_CONSTRAINTS
    from textattack.shared import AttackedText
    from textattack.transformations import CompositeTransformation, WordInsertionMaskedLM, WordMergeMaskedLM, WordSwapMaskedLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    shared = {
        "masked_language_model": AutoModelForCausalLM.from_pretrained(folder),
        "tokenizer": AutoTokenizer.from_pretrained(folder),
        "max_candidates": 50,
    }
    transformation = CompositeTransformation(
        [
            WordSwapMaskedLM(method="bae", min_confidence=5e-4, **shared),
            WordInsertionMaskedLM(min_confidence=0.0, **shared),
            WordMergeMaskedLM(min_confidence=5e-3, **shared),
        ]
    )
    AttackedText.pos_of_word_index = lambda text, place: "X" if is_stop_word(text.words[place]) else "NOUN"
    augmenter = Augmenter(transformation, constraints=DEFAULT_CONSTRAINTS, pct_words_to_swap=RATE)
    return lambda: [augmenter.augment(text) for text in texts]


def clare(lines: Lines, texts: Sequence[str], repetitions: int) -> None:
    """CLARE's lines; by sentence, as the peer has fewer of them."""
    folder = random_distilroberta(texts)
    model = masked_lm(str(folder))
    run = ours("clare", texts, model=str(folder))
    runs, counts = {"robustmel": run}, {"robustmel": len(texts)}
    try:
        runs["textattack"], counts["textattack"] = clare_peer(texts[:PEER_SENTENCES], folder), len(texts[:PEER_SENTENCES])
    except Exception as problem:  # absent packages, taggers and hubs raise whatever they like
        lines.tell("textattack", "clare", missing=f"{type(problem).__name__}: {problem}"[:200])
    before = model.tokens_read
    run()
    tokens = round((model.tokens_read - before) / len(texts))
    seconds = {library: [spent / counts[library] for spent in times] for library, times in turns(runs, repetitions).items()}
    for library, times in seconds.items():
        figures = {"of_them": counts[library]} | ({"tokens": tokens} if library == "robustmel" else {})
        lines.tell(library, "clare", sentences_per_second=round(1 / Figure.of(times).value, 3), **figures)
    if "textattack" in seconds:
        ratio = relative(seconds["textattack"], seconds["robustmel"])
        lines.ratio("clare", ratio.value, 1.0)
        lines.expect(
            "clare", f"{ratio.value:.0f} times as fast as TextAttack, not {CLARE_AT_LEAST:g}", ratio.value >= CLARE_AT_LEAST
        )


def main() -> int:
    """Measures and prints; with --check the exit code says whether a ratio is below its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="40 sentences and one repetition")
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"exit 1 where a job is less than {AT_LEAST:g} times as fast as the peer, CLARE less than {CLARE_AT_LEAST:g}",
    )
    asked = parser.parse_args()
    source, texts = sentences(40 if asked.quick else 200)
    lines = Lines(sentences=len(texts), source=source, edit_rate=RATE)
    jobs = {name: ours(name, texts) for name in ("qwerty", "char_swap", "word_delete")}
    if (Path(WORDNET) / "index.noun").is_file():
        jobs["wordnet"] = ours("wordnet", texts, folder=WORDNET)
    else:
        lines.tell("robustmel", "wordnet", missing=f"no WordNet database in {WORDNET}")
    if stubbed := stub(OF_TEXTATTACK):
        lines.tell("textattack", "all", stubbed=stubbed)
    try:
        others = peers(texts)
    except (ImportError, LookupError) as problem:  # a package, or nltk's data
        others = {}
        lines.tell("textattack", "all", missing=f"cannot be imported: {str(problem).strip(' *')}"[:200])
    for job, run in jobs.items():
        runs = {"robustmel": run} | ({"textattack": others[job]} if job in others else {})
        seconds = turns(runs, 1 if asked.quick else 3)
        for library, spent in seconds.items():
            median = Figure.of(spent).value
            lines.tell(library, job, seconds=round(median, 5), sentences_per_second=round(len(texts) / median))
        if job in others:
            ratio = relative(seconds["textattack"], seconds["robustmel"])
            lines.ratio(job, ratio.value, 1.0)
            lines.expect(job, f"{ratio.value:.0f} times as fast as TextAttack, not {AT_LEAST:g}", ratio.value >= AT_LEAST)
    clare(lines, texts[: 8 if asked.quick else CLARE_SENTENCES], 1 if asked.quick else 3)
    return lines.end(asked.check)


if __name__ == "__main__":
    sys.exit(main())
