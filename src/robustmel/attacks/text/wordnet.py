"""Synonyms from a WordNet database."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from robustmel.attacks.quantities import yes_or_no
from robustmel.attacks.text.editable_text import Editor
from robustmel.attacks.text.word_attack import WordAttack, replacing
from robustmel.attacks.text.wordnet_files import WordNetFiles, wordnet_paths
from robustmel.attacks.text.words import is_word, with_case_of


@dataclass(frozen=True)
class WordNetSynonyms(WordAttack):
    """Replaces some words by WordNet synonyms of any of their senses (Ren et al., 2019; Morris et al., 2020).

    A synonym is drawn from all words that share a synset with the word, of every part of speech, phrases left out. Words without one
    stay as they are, and so do all words of a script that the database does not have.

    Args:
        folder: A WordNet database: index.noun, data.noun and so on, as Debian's package wordnet-base installs it.
        keep_form: Gives synonyms the word's case, and its ending where that is a regular plural, -s, -ed or -ing; synonyms for which
            that is uncertain are left out. False takes them as the database writes them, as the paper's runs did ("exchanges" -> "swap").

    Raises:
        UsageError: A value is out of its range.

    Source:
        The `WordNetAugmenter` of Morris et al., "TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial
        Training in NLP", EMNLP 2020 (demonstrations), after Ren et al., "Generating Natural Language Adversarial Examples through
        Probability Weighted Word Saliency", ACL 2019.
    """

    folder: str = "/usr/share/wordnet"
    keep_form: bool = True

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        yes_or_no("keep_form", self.keep_form)

    @classmethod
    def assets(cls, *, folder: str, **_: object) -> tuple[Path, ...]:
        """The database's files; raises MissingError where there is none."""
        return wordnet_paths(Path(folder).expanduser())

    def editor(self) -> Editor:
        """See `WordAttack.editor`."""
        paths = self.assets(folder=self.folder)
        database = _database(paths[0].parent, tuple(path.stat().st_mtime_ns for path in paths))
        return replacing(lambda word: synonyms_of(database, word, self.keep_form))


@lru_cache(maxsize=1)
def _database(folder: Path, modified: tuple[int, ...]) -> WordNetFiles:
    """Read once for each state it is in."""
    return WordNetFiles(folder)


@lru_cache(maxsize=1 << 16)
def synonyms_of(database: WordNetFiles, word: str, keep_form: bool) -> tuple[str, ...]:
    """All that may stand for a word, sorted."""
    named = {
        new
        for part, base, ending in database.bases(word.lower())
        for lemma in database.synonyms(part, base)
        if "_" not in lemma and is_word(lemma) and lemma.lower() != base
        for new in (_forms(database, part, lemma, ending) if keep_form else (lemma,))
    }
    if keep_form:
        named = {with_case_of(word, new) for new in named}
    return tuple(sorted(new for new in named if new.lower() != word.lower()))


def _forms(database: WordNetFiles, part: str, lemma: str, ending: str) -> Iterator[str]:
    """A synonym with the ending of the word it replaces; none where English may want another form."""
    listed = database.irregular[part].get(lemma.lower(), ())
    if not ending:
        yield lemma
    elif fitting := [form for form in listed if form.endswith(ending)]:
        yield fitting[0]
    elif part == "noun" and listed:
        yield listed[0]
    elif part == "noun" and (
        lemma.endswith("man") or any(end for kind, _, end in database.bases(lemma.lower()) if kind == part)
    ):
        return  # "gentlemen", but "humans"; and what is a plural already
    elif part in ("noun", "verb") and not (ending == "ed" and listed):
        yield inflected(lemma, ending)


def inflected(base: str, ending: str) -> str:
    """A regular English form: with "s", "ed" or "ing"."""
    if ending == "ing":
        return re.sub("ie$", "y", base) + "ing" if base.endswith("ie") else re.sub("(?<=[^eoy])e$", "", base) + "ing"
    if re.search("[^aeiou]y$", base):
        return base[:-1] + ("ies" if ending == "s" else "ied")
    if ending == "s":
        return base + ("es" if re.search("(s|x|z|ch|sh)$", base) else "s")
    return base + ("d" if base.endswith("e") else "ed")
