"""Nearest words by word vectors from a file."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustmel.attacks.quantities import at_least_one, number
from robustmel.attacks.text.editable_text import Editor
from robustmel.attacks.text.word_attack import WordAttack, replacing
from robustmel.attacks.text.words import is_word, with_case_of
from robustmel.errors import MissingError, UsageError


@dataclass(frozen=True)
class EmbeddingNeighbours(WordAttack):
    """Replaces some words by near ones in a space of word vectors (Jin et al., 2020; Morris et al., 2020).

    A word is looked up as it is written, then in lower case, and its replacement gets its case. Words without a vector or without a
    near word stay as they are.

    Args:
        vectors: A text file, one word a line with its numbers, as word2vec (with a first line of two numbers) and GloVe write it. The
            paper's are counter-fitted vectors (Mrkšić et al., 2016).
        min_cosine: The least cosine of a replacement, in [-1, 1].
        neighbours: How many of the nearest words are drawn from at most.

    Raises:
        UsageError: A value is out of its range.

    Source:
        The `EmbeddingAugmenter` of Morris et al., "TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial
        Training in NLP", EMNLP 2020 (demonstrations), after Jin et al., "Is BERT Really Robust?", AAAI 2020, and Mrkšić et al.,
        "Counter-fitting Word Vectors to Linguistic Constraints", NAACL 2016.
    """

    vectors: str = field(kw_only=True)
    min_cosine: float = 0.8
    neighbours: int = 50

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        at_least_one("neighbours", self.neighbours)
        if number("min_cosine", abs(self.min_cosine)) > 1:
            raise UsageError(f"min_cosine = {self.min_cosine} must lie between -1 and 1.")

    @classmethod
    def assets(cls, *, vectors: str, **_: object) -> tuple[Path, ...]:
        """The file of vectors; raises MissingError where it is absent."""
        path = Path(vectors).expanduser()
        if not path.is_file():
            raise MissingError(
                f"no file {path} of word vectors; set vectors to a text file in the format of word2vec or GloVe."
            )
        return (path,)

    def editor(self) -> Editor:
        """See `WordAttack.editor`."""
        (path,) = self.assets(vectors=self.vectors)
        vectors = word_vectors(path, path.stat().st_mtime_ns)
        return replacing(lambda word: near_words(vectors, word, self.min_cosine, self.neighbours))


class WordVectors:
    """Words and their directions.

    Args:
        rows: Word -> its row.
        directions: float32 (N, width), each of length 1, or 0 where the file has a vector of zeros.
    """

    def __init__(self, rows: dict[str, int], directions: NDArray[np.float32]) -> None:
        self.rows, self.words, self.directions = rows, list(rows), directions


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
    rows: dict[str, int] = {}
    vectors: list[NDArray[np.float32]] = []
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
            if (word := " ".join(fields[:-width])) not in rows:
                rows[word] = len(rows)
                vectors.append(vector / (np.linalg.norm(vector) or 1))
    if not rows:
        raise MissingError(f"{path} holds no word vectors; expected lines of a word and its numbers.")
    return WordVectors(rows, np.stack(vectors))
