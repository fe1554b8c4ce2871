"""A WordNet database in its own file format (WNDB): lemmas, synsets, and the inflected forms that lead to them."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from robustmel.errors import MissingError

PARTS = ("noun", "verb", "adj", "adv")

DETACHED = {
    "noun": (("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y")),
    "verb": (("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
    "adj": (("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    "adv": (),
}  # fmt: skip
"""Part of speech -> (ending, ending of the base form), as the manual page morphy(7WN) of WordNet 3.0 lists them."""


def wordnet_paths(folder: Path) -> tuple[Path, ...]:
    """The files of a database folder that are read: an index with its data for each part of speech, and lists of exceptions.

    Raises:
        MissingError: There is no index, or an index without its data.
    """
    parts = [part for part in PARTS if (folder / f"index.{part}").is_file()]
    absent = [f"data.{part}" for part in parts if not (folder / f"data.{part}").is_file()]
    if absent or not parts:
        raise MissingError(
            f"no WordNet database in {folder}: there is no {(absent or ['index.noun'])[0]}. Install one (Debian: apt install wordnet-base), "
            'or set folder = "..." to a folder with index.noun, data.noun and so on.'
        )
    exceptions = [folder / f"{part}.exc" for part in parts if (folder / f"{part}.exc").is_file()]
    return (*(folder / f"{kind}.{part}" for part in parts for kind in ("index", "data")), *exceptions)


class WordNetFiles:
    """A database in memory (WordNet 3.0: about 70 MB).

    Args:
        folder: As `wordnet_paths` wants it.

    Raises:
        MissingError: Likewise.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index: dict[str, dict[str, str]] = {}
        self._data: dict[str, bytes] = {}
        self._bases: dict[str, dict[str, list[str]]] = {}
        self.irregular: dict[str, dict[str, list[str]]] = {}
        """Part of speech -> base form -> its forms in the list of exceptions."""
        for path in wordnet_paths(folder):
            kind, _, part = path.name.partition(".")
            if kind == "index":
                lines = path.read_text("utf-8").splitlines()
                self._index[part] = {line[: line.find(" ")]: line for line in lines if line[:1] not in ("", " ")}
                self._bases[part], self.irregular[part] = {}, {}
            elif kind == "data":
                self._data[part] = path.read_bytes()
            else:
                self._read_exceptions(path, kind)

    def _read_exceptions(self, path: Path, part: str) -> None:
        forms: dict[str, list[str]] = defaultdict(list)
        for line in path.read_text("utf-8").splitlines():
            form, *bases = line.split()
            self._bases[part][form] = bases
            for base in bases:
                forms[base].append(form)
        self.irregular[part] = dict(forms)

    def bases(self, word: str) -> Iterator[tuple[str, str, str]]:
        """(part of speech, base form, ending) for each lemma that a word in lower case may be a form of.

        The ending is "" for the base form itself, "s", "ed", "ing", "er" or "est" otherwise, whatever an irregular form looks like.
        """
        for part, index in self._index.items():
            if word in index:
                yield part, word, ""
            listed = self._bases[part].get(word)
            for base in dict.fromkeys(listed if listed is not None else _detached(word, part)):
                if base in index and base != word:
                    yield part, base, _ending(word, part)

    def synonyms(self, part: str, lemma: str) -> list[str]:
        """The words of every synset of a lemma, as they are written there, in the order of the senses.

        Raises:
            MissingError: The data file does not fit its index.
        """
        fields = self._index[part][lemma].split()
        data, found = self._data[part], []
        for offset in fields[len(fields) - int(fields[2]) :]:
            line = data[int(offset) : data.find(b"\n", int(offset))].decode("utf-8").split(" ")
            if line[0] != offset:
                raise MissingError(
                    f"{self.folder / f'data.{part}'} has no synset at byte {offset}, where index.{part} says; install it anew."
                )
            found += [written.partition("(")[0] for written in line[4 : 4 + 2 * int(line[3], 16) : 2]]
        return found


def _detached(word: str, part: str) -> Iterator[str]:
    whole = part == "noun" and (len(word) < 3 or word.endswith("ss"))  # "us", "boss"
    return (word.removesuffix(ending) + base for ending, base in DETACHED[part] if word.endswith(ending) and not whole)


def _ending(form: str, part: str) -> str:
    if part == "noun":
        return "s"
    known = ("ing", "s") if part == "verb" else ("est",)
    return next((ending for ending in known if form.endswith(ending)), "ed" if part == "verb" else "er")
