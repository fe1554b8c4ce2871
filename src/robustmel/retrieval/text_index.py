"""A local index of texts on disk, in place of the encyclopaedia on the web."""

import os
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from robustmel.errors import MissingError
from robustmel.kb.fields import Digest
from robustmel.kb.knowledge_base import fold
from robustmel.records.new_folder import new_folder
from robustmel.records.sqlite_file import Table
from robustmel.retrieval.evidence import plain
from robustmel.retrieval.pages import Page
from robustmel.retrieval.word_index import UNSPACED, words
from robustmel.types import Entity

FILE = "texts.sqlite"
HITS = 10
"""Pages that a search gives."""
# The words come folded and apart, so that the tokenizer has only blanks to look for: a newer Unicode changes nothing for old files.
_SCHEMA = """
CREATE TABLE texts (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, qid TEXT, name TEXT NOT NULL, title TEXT NOT NULL,
    description TEXT NOT NULL, text TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (said, content = '', tokenize = 'ascii');
CREATE TABLE about (version INTEGER, texts INTEGER, repeated INTEGER, digest TEXT);
"""
_ACCENTS = re.compile("[\u0300-\u036f]")
_RUN = re.compile(f"[{UNSPACED}]{{3,}}")


def build_text_index(entities: Iterable[Entity], folder: Path) -> tuple[int, int]:
    """Writes the texts of entities into a folder for `TextIndex`, which appears whole or not at all; memory holds one text.

    Names, aliases and descriptions can be found as well. The same entities give the same bytes (with the same SQLite).

    Returns:
        Texts written, and how many were left out because their id had been there before.

    Raises:
        MissingError: The folder is there already or cannot be written.
    """
    with new_folder(folder) as unfinished:
        path, digest = unfinished / FILE, Digest()
        try:
            with sqlite3.connect(path, isolation_level=None) as file:
                file.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA} BEGIN;")
                counts = _fill(file, entities, digest)
                file.execute("CREATE INDEX names ON texts (name)")
                file.execute("CREATE INDEX items ON texts (qid)")
                file.execute("INSERT INTO words (words) VALUES ('optimize')")
                file.execute("INSERT INTO about VALUES (1, ?, ?, ?)", (*counts, digest.hexdigest()))
                file.execute("COMMIT")
            file.close()
        except sqlite3.Error as problem:
            raise MissingError(f"{folder} cannot be written: {problem}.") from problem
        with path.open("rb") as written:
            os.fsync(written.fileno())
    return counts


def _fill(file: sqlite3.Connection, entities: Iterable[Entity], digest: Digest) -> tuple[int, int]:
    number = repeated = 0
    for entity in entities:
        title, description, text = plain(entity.name), plain(entity.description), plain(entity.text)
        row = (number + 1, plain(entity.id), entity.qid, fold(title), title, description, text)
        if not file.execute("INSERT OR IGNORE INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)", row).rowcount:
            repeated += 1
            continue
        number += 1
        digest.add(entity)
        said = _apart(" ".join((title, *entity.aliases, description, text)))
        file.execute("INSERT INTO words (rowid, said) VALUES (?, ?)", (number, said))
    return number, repeated


class TextIndex:
    """Texts in a folder that `build_text_index` made: the `Pages` of `PageText`, and a search of its own.

    Raises:
        MissingError: It is no such folder.
    """

    def __init__(self, folder: Path | str) -> None:
        path = Path(folder).absolute() / FILE
        try:
            self._file = sqlite3.connect(
                f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False, factory=Table
            )
            self._file.place, self._file.way_out = path, "If it is damaged, `robustmel kb index` makes it anew."
            version, self.size, _, self.digest = self._file.execute("SELECT * FROM about").fetchone()
        except (MissingError, sqlite3.Error, TypeError, ValueError) as problem:
            raise MissingError(f"no index of texts in {folder} ({problem}); `robustmel kb index` makes one.") from None
        if version != 1:
            raise MissingError(f"{folder} was made by another version; run `robustmel kb index` again.")

    def of(self, entities: Sequence[Entity]) -> list[list[Page]]:
        """By id or Wikidata id, else by name where one text alone has it."""
        return [self._own(entity) for entity in entities]

    def _own(self, entity: Entity) -> list[Page]:
        for column, value in (("id", entity.id), ("qid", entity.qid or entity.id), ("name", fold(entity.name))):
            rows = self._file.rows(f"{_SELECT} WHERE {column} = ? LIMIT 2", (plain(value),))
            if len(rows) == 1 and not (column == "name" and entity.qid and rows[0][1]):
                return [*_pages(rows[0])]
        return []

    def search(self, entity: Entity, keywords: Sequence[str]) -> list[Page]:
        """The `HITS` best texts with the entity's name and every keyword, each as one phrase."""
        if not _phrase(entity.name):
            return []
        phrases = [phrase for text in (entity.name, *keywords) if (phrase := _phrase(text))]
        return [page for row in self._matching(" AND ".join(phrases), HITS) for page in _pages(row)]

    def best(self, query: str, k: int) -> list[str]:
        """Ids of the k best texts that share a word with a query, by BM25; anything may stand in it, and nothing is an operator.

        "AT&T" is a phrase. Runs of Chinese, Japanese or Korean are found by any two neighbouring characters.
        """
        parts = [part for chunk in fold(plain(query)).split() for part in _RUN.sub(_pairs, chunk).split()]
        return [row[0] for row in self._matching(" OR ".join(filter(None, map(_phrase, parts))), k)]

    def _matching(self, match: str, k: int) -> list[tuple[str, ...]]:
        if not match:
            return []
        inner = "SELECT rowid AS number, rank FROM words WHERE words MATCH ? ORDER BY rank, rowid LIMIT ?"
        return self._file.rows(f"{_SELECT} JOIN ({inner}) USING (number) ORDER BY rank, number", (match, k))


_SELECT = "SELECT id, qid, title, description, text FROM texts"


def _pages(row: tuple[str, ...]) -> Iterator[Page]:
    own, qid, title, description, text = row
    if text:
        yield Page(title, text, "local", qid or own)
    if description:
        yield Page(title, description, "local", qid or own, brief=True)


def _apart(text: str) -> str:
    """Words as they are indexed: folded, without accents, a blank between them."""
    joined = " ".join(words(text)).replace("_", " ")
    return joined if joined.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFD", joined))


def _phrase(text: str) -> str:
    """A text as one quoted phrase of FTS5; "" where it holds no word."""
    said = _apart(text)
    return f'"{said}"' if said.strip() else ""


def _pairs(run: re.Match[str]) -> str:
    return f" {' '.join(''.join(pair) for pair in pairwise(run[0]))} "
