"""Nearest words by word vectors: those of a file, or those that an encoder gives."""

from dataclasses import dataclass
from pathlib import Path

from robustmel.attacks.quantities import at_least_one, number
from robustmel.attacks.text.editable_text import Editor
from robustmel.attacks.text.word_attack import WordAttack, replacing
from robustmel.attacks.text.word_vectors import encoded_words, near_words, word_vectors
from robustmel.errors import MissingError, UsageError
from robustmel.linkers.weights import model_folder, weight_files

LEAST_OF_VECTORS, LEAST_OF_ENCODERS = 0.8, 0.6
"""The least cosine where none is asked for: the authors', and a lower one, since the mean of all words is taken off."""

ONE_OF_TWO = "attack embedding takes near words from one of two: set vectors to a file of word vectors, or encoder to a model."

WORDS = "words.txt"
"""Where the folder of an encoder may list the words that it knows."""


@dataclass(frozen=True)
class EmbeddingNeighbours(WordAttack):
    """Replaces some words by near ones in a space of word vectors (Jin et al., 2020; Morris et al., 2020).

    A word is looked up as it is written, then in lower case, and its replacement gets its case. Words without a vector or without a
    near word stay as they are. The vectors are those of a file, or what a sentence encoder makes of each word alone, less the mean of
    all words.

    Args:
        vectors: A text file, one word a line with its numbers, as word2vec (with a first line of two numbers) and GloVe write it. The
            paper's are counter-fitted vectors (Mrkšić et al., 2016).
        encoder: In place of it a sentence encoder: a folder, a hub id, or `world:NAME`.
        word_list: The words that an encoder embeds: a text file, one a line. "" takes `words.txt` in the encoder's folder, else the whole
            words of its vocabulary.
        min_cosine: The least cosine of a replacement, in [-1, 1]; None is 0.8 with `vectors` and 0.6 with `encoder`.
        neighbours: How many of the nearest words are drawn from at most.

    Raises:
        UsageError: A value is out of its range.

    Source:
        The `EmbeddingAugmenter` of Morris et al., "TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial
        Training in NLP", EMNLP 2020 (demonstrations), after Jin et al., "Is BERT Really Robust?", AAAI 2020, and Mrkšić et al.,
        "Counter-fitting Word Vectors to Linguistic Constraints", NAACL 2016.
    """

    vectors: str = ""
    encoder: str = ""
    word_list: str = ""
    min_cosine: float | None = None
    neighbours: int = 50

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        if bool(self.vectors) == bool(self.encoder):
            raise UsageError(ONE_OF_TWO)
        if self.word_list and not self.encoder:
            raise UsageError("word_list says which words an encoder embeds; a file of vectors has its own.")
        at_least_one("neighbours", self.neighbours)
        if self.min_cosine is None:
            object.__setattr__(self, "min_cosine", LEAST_OF_VECTORS if self.vectors else LEAST_OF_ENCODERS)
        if number("min_cosine", abs(self.least)) > 1:
            raise UsageError(f"min_cosine = {self.least} must lie between -1 and 1.")

    @property
    def least(self) -> float:
        """The least cosine of a replacement."""
        assert self.min_cosine is not None
        return self.min_cosine

    @classmethod
    def assets(cls, *, vectors: str, encoder: str, word_list: str, **_: object) -> tuple[Path, ...]:
        """The file of vectors, or those of the encoder and of its words; raises MissingError where one is absent."""
        if bool(vectors) == bool(encoder):
            raise UsageError(ONE_OF_TWO)
        if encoder:
            words = _words_file(encoder, word_list)
            return (*weight_files(encoder), *([] if words is None else [words]))
        path = Path(vectors).expanduser()
        if not path.is_file():
            raise MissingError(
                f"no file {path} of word vectors; set vectors to a text file in the format of word2vec or GloVe."
            )
        return (path,)

    def editor(self) -> Editor:
        """See `WordAttack.editor`."""
        paths = self.assets(vectors=self.vectors, encoder=self.encoder, word_list=self.word_list)
        modified = tuple(path.stat().st_mtime_ns for path in paths)
        if self.encoder:
            vectors = encoded_words(self.encoder, _words_file(self.encoder, self.word_list), modified)
        else:
            vectors = word_vectors(paths[0], modified[0])
        return replacing(lambda word: near_words(vectors, word, self.least, self.neighbours))


def _words_file(encoder: str, word_list: str) -> Path | None:
    """The words that are embedded; None where they are those of the encoder's vocabulary."""
    if not word_list:
        beside = model_folder(encoder) / WORDS
        return beside if beside.is_file() else None
    path = Path(word_list).expanduser()
    if not path.is_file():
        raise MissingError(f"no file {path} of words; set word_list to a text file of words, one a line.")
    return path
