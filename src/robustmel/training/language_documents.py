"""Documents that a language model learns from: questions in GEMEL's prompt with their answers, and texts of entities."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.types import Entity

IGNORED = -100
"""The label of a token that the loss leaves out."""

Row = tuple[list[int], list[int], list[bool], int]
"""A document: tokens, labels, which labels are of an answer, and at which place the last example begins."""

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class Example:
    """A mention as tokens.

    Args:
        question: The prompt's question about it.
        answer: The name of its entity.
        facts: What is known of the entity, one text a row; hints are taken from them.
        surface: See `surface_order`.
    """

    question: list[int]
    answer: list[int]
    facts: list[list[int]]
    surface: str


@dataclass(frozen=True)
class Documents:
    """B documents of at most T tokens.

    Args:
        tokens: int64 (B, T), padded on the right.
        labels: int64 (B, T): the token that should follow each one, `IGNORED` where none is asked for.
        answer: bool (B, T): where the label belongs to an answer or ends it.
        last: bool (B, T): the same for the last answer of each document alone.
    """

    tokens: Tensor
    labels: Tensor
    answer: Tensor
    last: Tensor


def facts(entity: Entity) -> list[str]:
    """Name, aliases, description, and the last sentence of the text, which in the embedded world tells of the flag."""
    last = _SENTENCE_END.split(entity.text.strip())[-1]
    return [fact for fact in (entity.name, *entity.aliases, entity.description, last) if fact]


def surface_order(surface: str) -> str:
    """What documents of similar mentions are sorted by: the last word first, as it names the kind ("korea south")."""
    return " ".join(reversed(surface.casefold().split()))


def hint(listed: Sequence[Sequence[int]], length: int, generator: torch.Generator) -> list[int]:
    """At most `length` tokens in a row of one of the facts, both drawn at random."""
    if not length:
        return []
    fact = listed[_below(len(listed), generator)]
    start = _below(max(1, len(fact) - length + 1), generator)
    return list(fact[start : start + length])


def document(
    examples: Sequence[Example], hints: Sequence[Sequence[int]], separator: Sequence[int], start: int, end: int, context: int
) -> Row:
    """One document.

    Every answer is to be ended by the end token, though in a document the separator follows all but the last: a model that reads
    a question cannot know whether it is the last one. Hints are read and not learnt. What is longer than the context loses
    examples from the front.
    """
    pieces = []
    for example, given in zip(examples, hints, strict=True):
        tokens = [*given, *example.question, *example.answer, *separator]
        labels = [IGNORED] * len(given) + [*example.question, *example.answer, end] + [IGNORED] * (len(separator) - 1)
        first = len(given) + len(example.question)
        pieces.append((tokens, labels, [first <= place <= first + len(example.answer) for place in range(len(tokens))]))
    while len(pieces) > 1 and 1 + sum(len(tokens) for tokens, _, _ in pieces) > context:
        del pieces[0]
    whole = [token for tokens, _, _ in pieces for token in tokens]
    labels = [label for _, labels, _ in pieces for label in labels]
    answer = [flag for _, _, flags in pieces for flag in flags]
    last = len(whole) - len(pieces[-1][0])
    # The token at place t is predicted at place t - 1, and the first one by the start token.
    return [start, *whole][:context], labels[:context], answer[:context], last


def stack(rows: Sequence[Row], pad: int) -> Documents:
    """Documents, or plain texts, as one batch."""
    longest = max(len(labels) for _, labels, _, _ in rows)

    def padded(values: Sequence[int], filler: int) -> list[int]:
        return [*values[:longest], *[filler] * (longest - len(values))]

    answer = torch.tensor([padded(answer, False) for _, _, answer, _ in rows])
    place = torch.arange(longest)
    return Documents(
        torch.tensor([padded(tokens, pad) for tokens, _, _, _ in rows]),
        torch.tensor([padded(labels, IGNORED) for _, labels, _, _ in rows]),
        answer,
        answer & (place >= torch.tensor([last for _, _, _, last in rows])[:, None]),
    )


def plan(
    examples: Sequence[Example], demos: int, similar: float, size: int, generator: torch.Generator
) -> Iterator[list[list[int]]]:
    """Batches of documents, each a list of examples by their index; every example stands in one document of the epoch.

    Documents of one batch are equally long, but for one example, so that little is padded: a length is drawn, `demos` + 1 for half of
    the batches, as a linker asks with all its demonstrations, and any down to 1 for the others; the batch is cut into the fewest parts
    that are no longer. With `size` = `demos` + 1 a document is whole or holds half of that at most, rounded up. In a share of the
    batches the documents hold examples whose surfaces are neighbours in the alphabet, most often equal ones.
    """
    order = torch.randperm(len(examples), generator=generator).tolist()
    alike = round(similar * len(examples) / size) * size
    for rows in (sorted(order[:alike], key=lambda row: examples[row].surface), order[alike:]):
        documents: list[list[list[int]]] = []
        for first in range(0, len(rows), size):
            count, length = min(size, len(rows) - first), 1 + min(demos, _below(2 * demos + 1, generator))
            whole = math.ceil(count / length)
            documents.append([[0] * (count // whole + (place < count % whole)) for place in range(whole)])
        slots = [(batch, place) for batch, listed in enumerate(documents) for place in range(len(listed))]
        taken = 0
        for slot in torch.randperm(len(slots), generator=generator).tolist():
            batch, place = slots[slot]
            length = len(documents[batch][place])
            chosen = rows[taken : taken + length]
            mixed = torch.randperm(length, generator=generator).tolist()
            documents[batch][place] = [chosen[index] for index in mixed]
            taken += length
        yield from documents


def texts_of(entities: Iterable[Entity]) -> list[str]:
    """Plain texts about entities, once each."""
    written = [
        text for entity in entities for text in (f"{entity.name}: {entity.description}", entity.text) if text.strip(": ")
    ]
    return list(dict.fromkeys(written))


def _below(limit: int, generator: torch.Generator) -> int:
    return int(torch.randint(limit, (1,), generator=generator))
