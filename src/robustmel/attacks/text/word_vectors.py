"""Words as directions, near ones by their cosines: read from a file, or embedded by an encoder."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustmel.attacks.text.words import is_word, with_case_of
from robustmel.errors import MissingError

ROWS, SHORT = 64, 4
"""Words embedded at a time, and the tokens that most of them do not exceed: one or two between two special ones."""


class WordVectors:
    """Words and their directions.

    Args:
        words: N of them, each once.
        directions: float32 (N, width), each of length 1, or 0 where a vector is zero.
    """

    def __init__(self, words: Sequence[str], directions: NDArray[np.float32]) -> None:
        self.words, self.directions = words, directions
        self.rows = {word: row for row, word in enumerate(words)}


@lru_cache(maxsize=1 << 16)
def near_words(vectors: WordVectors, word: str, least: float, count: int) -> tuple[str, ...]:
    """The words whose cosine with a word is at least so large, nearest first, at most so many, in its case; not its own spellings."""
    row = vectors.rows.get(word, vectors.rows.get(word.lower()))
    if row is None:
        return ()
    cosines = vectors.directions @ vectors.directions[row]
    close = np.flatnonzero(cosines >= least)
    ranked = (vectors.words[place] for place in close[np.argsort(-cosines[close], kind="stable")].tolist())
    others = (with_case_of(word, other) for other in ranked if other.lower() != word.lower() and is_word(other))
    return tuple(islice(others, count))


@lru_cache(maxsize=1)
def word_vectors(path: Path, modified: int) -> WordVectors:
    """Reads a file of vectors, once for each state it is in; of a word that occurs twice the first counts.

    Raises:
        MissingError: A line does not hold a word and as many finite numbers as the others.
    """
    vectors: dict[str, NDArray[np.float32]] = {}
    width = 0
    with path.open(encoding="utf-8", errors="replace") as lines:
        for place, line in enumerate(lines, start=1):
            fields = line.split()
            if place == 1 and len(fields) == 2 and all(map(str.isdigit, fields)):
                width = int(fields[1])
                continue
            width = width or len(fields) - 1
            try:
                vector = np.array(fields[len(fields) - width :], dtype=np.float32)
            except ValueError:
                vector = np.array([np.nan], dtype=np.float32)
            if not 0 < width < len(fields) or not np.isfinite(vector).all():
                raise MissingError(f"{path}, line {place}: expected a word and {max(width, 1)} finite numbers after it.")
            vectors.setdefault(" ".join(fields[:-width]), vector / (np.linalg.norm(vector) or 1))
    if not vectors:
        raise MissingError(f"{path} holds no word vectors; expected lines of a word and its numbers.")
    return WordVectors(list(vectors), np.stack(list(vectors.values())))


@lru_cache(maxsize=1)
def encoded_words(encoder: str, word_list: Path | None, modified: tuple[int, ...]) -> WordVectors:
    """Embeds words by a sentence encoder, each alone, once for each state that the files are in; the mean of all is taken off.

    A word stands behind a blank, as it does in a sentence: byte-level vocabularies have it whole there.

    Args:
        encoder: A folder, a hub id, or `world:NAME`.
        word_list: A file of words, one a line; None takes the whole words of the encoder's vocabulary.
        modified: When the files were last written.

    Raises:
        MissingError: The encoder is not complete or unreadable, or there are fewer than two words.
        UsageError: It gives no vector for a text.

    Source:
        Mu & Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", ICLR 2018 (the mean).
    """
    from robustmel.attacks.text.masked_lm import whole_words
    from robustmel.linkers.loading import pick_device
    from robustmel.linkers.sentence_encoder import sentence_tower

    tower = sentence_tower(encoder, pick_device("auto"))
    tower.rows, tower.lengths = ROWS, (SHORT, *tower.lengths)
    if word_list is None:
        lines: Iterable[str] = whole_words(tower.tokenizer)[0].values()
    else:
        lines = word_list.read_text("utf-8", errors="replace").splitlines()
    words = sorted({word for word in map(str.strip, lines) if is_word(word)})
    if len(words) < 2:
        raise MissingError(f"{word_list or encoder} holds no two words; set word_list to a text file of words, one a line.")
    vectors = tower.embed([f" {word}" for word in words]).cpu().numpy()
    vectors -= vectors.mean(0)
    return WordVectors(words, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
