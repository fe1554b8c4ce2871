"""The text part of a batch's scores, computed once and reused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.texts import QueryText, label, query_text
from robustmel.types import Query, Task

BATCHES_HELD, LABELS_HELD = 16, 50_000
"""Batches that are remembered, and candidate embeddings that they may hold together; an attack comes back to few batches, linking to none."""


@dataclass(frozen=True)
class TextSide:
    """All that the text side of a batch of queries comes to.

    Args:
        queries: The batch, held so that its identity stays its own.
        labels: Unit embeddings of the candidate texts that the model tells apart, (U, D).
        columns: int64 (B, C): the row of `labels` for each candidate; of open queries, for each entity of the knowledge base.
        absent: bool (B, C): where a query has fewer candidates than C.
        texts: Embeddings of the query texts, (B, D), zero where there is no text; None where the task reads none.
    """

    queries: tuple[Query, ...]
    labels: Tensor
    columns: Tensor
    absent: Tensor
    texts: Tensor | None


class TextSides:
    """Builds and remembers text sides."""

    def __init__(self, kb: KnowledgeBase, tower: TextTower, template: str, what: QueryText, query_template: str) -> None:
        self.kb = kb
        self.tower = tower
        self.template = template
        self.what: QueryText = what
        self.query_template = query_template
        self._remembered: dict[tuple[bool, tuple[int, ...]], TextSide] = {}
        self._whole: tuple[Tensor, Tensor] | None = None

    def query_text(self, query: Query) -> str:
        """What is read of a query; "" where it has no text."""
        return query_text(query, self.what, self.query_template)

    def label(self, candidate: str, labels: Mapping[str, str] | None = None) -> str:
        """The text of a candidate: what `labels` gives it, else the template filled in.

        Raises:
            MissingError: It is not in the knowledge base.
        """
        if labels and candidate in labels:
            return labels[candidate]
        try:
            return label(self.kb[candidate], self.template)
        except KeyError:
            raise MissingError(f'candidate "{candidate}" is not in the knowledge base.') from None

    def of(self, queries: Sequence[Query], task: Task) -> TextSide:
        """The text side of a batch, from memory where the very same query objects were asked lately."""
        batch_key = (task != "I2T", tuple(map(id, queries)))
        side = self._remembered.pop(batch_key, None) or self._build(tuple(queries), task)
        self._remembered[batch_key] = side
        while len(self._remembered) > 1 and (
            len(self._remembered) > BATCHES_HELD or sum(len(side.labels) for side in self._remembered.values()) > LABELS_HELD
        ):
            del self._remembered[next(iter(self._remembered))]
        return side

    def _build(self, queries: tuple[Query, ...], task: Task) -> TextSide:
        if queries and all(query.candidates is None and not query.labels for query in queries):
            return self._open(queries, task)
        if all(query.candidates is not None for query in queries):
            return self._listed(queries, task)
        listed = tuple(replace(query, candidates=self.kb.ids) if query.candidates is None else query for query in queries)
        return replace(self._listed(listed, task), queries=queries)

    @torch.no_grad()
    def _open(self, queries: tuple[Query, ...], task: Task) -> TextSide:
        """Of queries to which the whole knowledge base is open: its texts are embedded once, and every query shares them."""
        if self._whole is None:
            places = torch.tensor(self.tower.places([label(entity, self.template) for entity in self.kb]))
            distinct, columns = torch.unique(places, return_inverse=True)
            self._whole = functional.normalize(self.tower.at(distinct), dim=-1), columns.to(self.tower.device)
        labels, columns = self._whole
        shared = columns.expand(len(queries), -1)
        absent = torch.zeros(1, 1, dtype=torch.bool, device=self.tower.device).expand(shared.shape)
        return TextSide(queries, labels, shared, absent, self._texts(queries) if task != "I2T" else None)

    @torch.no_grad()
    def _listed(self, queries: tuple[Query, ...], task: Task) -> TextSide:
        texts_of = {_named(query): [self.label(candidate, query.labels) for candidate in query.listed] for query in queries}
        distinct = list(dict.fromkeys(text for texts in texts_of.values() for text in texts))
        places = dict(zip(distinct, self.tower.places(distinct), strict=True))
        read = {place: text for text, place in reversed(places.items())}  # of texts read alike the first stands for all
        column = {place: index for index, place in enumerate(dict.fromkeys(places.values()))}
        row = {text: column[place] for text, place in places.items()}
        longest = max(map(len, texts_of.values()), default=0)
        padded = {names: [row[text] for text in texts] + [0] * (longest - len(texts)) for names, texts in texts_of.items()}
        device = self.tower.device
        columns = torch.tensor([padded[_named(query)] for query in queries], dtype=torch.long, device=device)
        counts = torch.tensor([len(query.listed) for query in queries], dtype=torch.long, device=device)
        return TextSide(
            queries=queries,
            labels=functional.normalize(self.tower.embed([read[place] for place in column] or [""]), dim=-1),
            columns=columns.reshape(len(queries), longest),
            absent=torch.arange(longest, device=device)[None] >= counts[:, None],
            texts=self._texts(queries) if task != "I2T" else None,
        )

    def _texts(self, queries: Sequence[Query]) -> Tensor:
        written = [self.query_text(query) for query in queries]
        empty = torch.tensor([not text for text in written], dtype=torch.bool, device=self.tower.device)
        return self.tower.embed(written).masked_fill(empty[:, None], 0.0)


def _named(query: Query) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...] | None]:
    """The candidates together with the sentences that replace theirs: equal for queries with the same texts."""
    return query.listed, None if query.labels is None else tuple(sorted(query.labels.items()))
