"""Linkers that embed images and texts in one space and compare them by cosine."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.errors import ImageError, MissingError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.loading import LoadedModel, load, pick_device
from robustmel.linkers.preprocessing import Picture, Preprocessing
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.texts import QueryText, check_texts, label, query_text
from robustmel.linkers.weights import weight_files
from robustmel.types import Prediction, Query, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextSide:
    """All that the text side of a batch of queries comes to; costs nothing when the batch is asked for again.

    Args:
        queries: The batch, held so that its identity stays its own.
        labels: Unit embeddings of the distinct candidate texts, (U, D).
        columns: int64 (B, C): the row of `labels` for each candidate.
        absent: bool (B, C): where a query has fewer candidates than C.
        texts: Embeddings of the query texts, (B, D), zero where there is no text; None where the task reads none.
    """

    queries: tuple[Query, ...]
    labels: Tensor
    columns: Tensor
    absent: Tensor
    texts: Tensor | None


class DualEncoder(ABC):
    """Base of the dual encoders: all but how one family loads its model and takes its embeddings.

    A family sets `library_class`, `model_types`, `fixed_text_length`, and says how embeddings are taken in `image_features` and
    `text_features`; it may override `text_limit`.

    I2T compares the image with "a photo of <name>" of every candidate, T2T the query text, IT2T the normalised sum of both. The
    scores are cosines in [-1, 1]; candidates whose texts are equal score equally, to the last bit.

    Args:
        kb: Where candidates come from.
        model: A local folder in the Hugging Face layout, a hub id, or `world:NAME` for an embedded checkpoint.
        revision: Branch, tag or commit, for a hub id.
        template: Text of a candidate; may hold {name}, {description}, {type}.
        query_text: "sentence", "surface", or "both" (the surface, then the sentence).
        query_template: Put around the query text; holds {text}.
        normalise: Bring image and text embeddings to unit length before they are summed.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", ...
        batch_size: Images encoded at a time; halved as often as needed when memory runs out.

    Attributes:
        logit_scale: The learnt temperature: what multiplies cosines before a softmax.
        truncated_texts: Distinct texts that the tokenizer's limit has cut so far.

    Raises:
        UsageError: A parameter is out of its range, or the folder holds another family.
        MissingError: The model or the device is not there.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("I2T", "IT2T", "T2T")
    version: ClassVar[int] = 1

    library_class: ClassVar[str]
    """Name of the model's class in the transformers library."""
    model_types: ClassVar[tuple[str, ...]]
    """What config.json may state as `model_type`."""
    fixed_text_length: ClassVar[bool] = False
    """Whether every text is padded to the limit."""

    def __init__(
        self,
        kb: KnowledgeBase,
        /,
        *,
        model: str,
        revision: str | None = None,
        template: str = "a photo of {name}",
        query_text: QueryText = "both",
        query_template: str = "{text}",
        normalise: bool = True,
        device: str = "auto",
        batch_size: int = 64,
    ) -> None:
        check_texts(template, query_text, query_template)
        if batch_size < 1:
            raise UsageError(f"batch_size = {batch_size}; expected at least 1.")
        self.kb = kb
        self.template = template
        self.query_text: QueryText = query_text
        self.query_template = query_template
        self.normalise = normalise
        self.batch_size = batch_size
        self.device = pick_device(device)
        loaded: LoadedModel = load(model, revision, self.library_class, self.model_types)
        self.model: Any = loaded.model.to(self.device)
        self.tokenizer = loaded.tokenizer
        self.preprocessing = Preprocessing(loaded.image_processor)
        self.text_tower = TextTower(
            self.tokenizer,
            lambda tokens, mask: self.text_features(self.model, tokens, mask),
            self.text_limit(self.model.config, self.tokenizer),
            self.fixed_text_length,
            self.device,
        )
        self.logit_scale = self.temperature(self.model)
        self._text_sides: dict[tuple[str, tuple[int, ...]], TextSide] = {}

    # What a family says -----------------------------------------------------------------------------------------------

    @staticmethod
    @abstractmethod
    def image_features(model: Any, pixel_values: Tensor) -> Tensor:
        """Image embeddings in the shared space, not normalised: (B, D) from the processor's output (B, 3, h, w)."""

    @staticmethod
    @abstractmethod
    def text_features(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
        """Text embeddings in the shared space, not normalised: (B, D) from token ids and attention mask (B, length)."""

    @staticmethod
    def text_limit(config: Any, tokenizer: Any) -> int:
        """Tokens the text encoder can read."""
        return min(int(config.text_config.max_position_embeddings), int(tokenizer.model_max_length))

    @staticmethod
    def temperature(model: Any) -> float:
        """What multiplies cosines before a softmax."""
        return float(model.logit_scale.detach().exp())

    # What everyone else asks ------------------------------------------------------------------------------------------

    @classmethod
    def assets(cls, **parameters: Any) -> tuple[Path, ...]:
        """Weights, tokenizer and configurations: the files that decide the answers."""
        return weight_files(parameters["model"], parameters.get("revision"))

    @property
    def truncated_texts(self) -> int:
        """Distinct texts that the tokenizer's limit has cut so far."""
        return self.text_tower.truncated

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit embeddings of texts as they stand, without any template: float32 (n, D)."""
        return functional.normalize(self.text_tower.embed(texts), dim=-1)

    @torch.no_grad()
    def embed_pictures(self, pictures: Sequence[Picture]) -> Tensor:
        """Unit embeddings of 8-bit pictures (H, W, 3) of any sizes: float32 (n, D)."""
        return functional.normalize(self._picture_embeddings(pictures), dim=-1)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order, ranked by cosine; ties keep the candidates' order.

        A query without candidates gets the empty ranking (NIL). One whose image cannot be used gets an error row; so does one
        without any text in T2T ("no_text"), one with a candidate that is not in the knowledge base ("unknown_candidate"), and
        one whose scores are not finite ("non_finite").
        """
        self._check_task(task)
        found: list[Prediction] = []
        for start in range(0, len(queries), self.batch_size):
            batch = queries[start : start + self.batch_size]
            started = time.perf_counter()
            answers = self._answer(batch, task)
            share = (time.perf_counter() - started) / len(batch)
            found.extend(replace(one, seconds=share) for one in answers)
        return found

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) cosines, from each query's own image; absent candidates hold minus infinity.

        Raises:
            ImageError: The image of a query cannot be used.
        """
        self._check_task(task)
        pictures = None if task == "T2T" else [_picture(query) for query in queries]
        chunks = range(0, len(queries), self.batch_size)
        longest = max((len(query.candidates) for query in queries), default=0)
        rows = [self._scores(*_slice(queries, pictures, start, self.batch_size), task) for start in chunks]
        return torch.cat([functional.pad(one, (0, longest - one.shape[1]), value=-torch.inf) for one in rows])

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T", *, smooth: bool = False) -> Tensor:
        """float32 (B, C) cosines, differentiable down to the raw pixels; the very scores `link` ranks by.

        Args:
            pixels: Floats (B, 3, H, W) in [0, 1], at the images' own size; they stand in for the queries' images.
            queries: B queries; missing columns of shorter candidate lists hold minus infinity.
            task: "I2T" or "IT2T".
            smooth: Leave the rounding to 8 bits out of the forward value as well: for finite differences.

        Raises:
            UsageError: The task reads no pixels.
        """
        self._check_task(task)
        if task == "T2T":
            raise UsageError('task "T2T" reads no image, so it has no gradient in the pixels; choose I2T or IT2T.')
        values = self.preprocessing.smooth(pixels) if smooth else self.preprocessing(pixels)
        return self._compare(self.image_features(self.model, values.to(self.device)), self._text_side(queries, task))

    # How it is done ---------------------------------------------------------------------------------------------------

    def _check_task(self, task: Task) -> None:
        if task not in self.tasks:
            raise UsageError(f'linker {type(self).__name__} has no task "{task}"; it has {", ".join(self.tasks)}.')

    def _answer(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """Predictions of one batch; what cannot be asked gets its row without disturbing the rest."""
        failed: dict[int, str] = {}
        sound: list[int] = []
        pictures: list[Picture] = []
        for index, query in enumerate(queries):
            try:
                picture = None if task == "T2T" else _picture(query)
                problem = self._unanswerable(query, task)
            except ImageError as broken:
                picture, problem = None, broken.kind
            if problem is not None:
                failed[index] = problem
                continue
            sound.append(index)
            if picture is not None:
                pictures.append(picture)
        asked = [queries[index] for index in sound]
        rows = dict(zip(sound, self._within_memory(asked, None if task == "T2T" else pictures, task), strict=True))
        return [
            Prediction(query.id, error=failed[index]) if index in failed else _ranking(query, rows[index])
            for index, query in enumerate(queries)
        ]

    def _unanswerable(self, query: Query, task: Task) -> str | None:
        if any(candidate not in self.kb for candidate in query.candidates):
            return "unknown_candidate"
        return "no_text" if task == "T2T" and not self._query_text(query) else None

    def _within_memory(self, queries: Sequence[Query], pictures: Sequence[Picture] | None, task: Task) -> list[Tensor | None]:
        """A row of scores a query; when memory runs out, by halves, and None for a query that does not fit alone."""
        if not queries:
            return []
        try:
            return list(self._scores(queries, pictures, task).cpu())
        except (MemoryError, RuntimeError) as problem:
            if not _out_of_memory(problem):
                raise
        if len(queries) == 1:
            return [None]
        half = len(queries) // 2
        log.warning("out of memory with a batch of %d; trying %d", len(queries), half)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        parts = (_slice(queries, pictures, 0, half), _slice(queries, pictures, half, len(queries)))
        return [row for part in parts for row in self._within_memory(*part, task)]

    @torch.no_grad()
    def _scores(self, queries: Sequence[Query], pictures: Sequence[Picture] | None, task: Task) -> Tensor:
        side = self._text_side(queries, task)
        return self._compare(None if pictures is None else self._picture_embeddings(pictures), side)

    def _picture_embeddings(self, pictures: Sequence[Picture]) -> Tensor:
        return self.image_features(self.model, self.preprocessing.pictures(pictures).to(self.device))

    def _compare(self, images: Tensor | None, side: TextSide) -> Tensor:
        """Cosines of the batch with its candidates, (B, C)."""
        parts = [one for one in (images, side.texts) if one is not None]
        if self.normalise:
            parts = [functional.normalize(one, dim=-1) for one in parts]
        dtype = parts[0].dtype
        asked = functional.normalize(sum(one.to(dtype) for one in parts), dim=-1)  # type: ignore[arg-type]
        # One column a distinct text, then spread: duplicates are equal by construction, not by luck of the matrix product.
        cosines = (asked @ side.labels.to(dtype).T).gather(1, side.columns)
        return cosines.masked_fill(side.absent, -torch.inf)

    def _query_text(self, query: Query) -> str:
        return query_text(query, self.query_text, self.query_template)

    def _text_side(self, queries: Sequence[Query], task: Task) -> TextSide:
        """The text side of a batch, from memory where the very same queries were asked lately."""
        known = ("I2T" if task == "I2T" else "IT2T", tuple(map(id, queries)))
        side = self._text_sides.pop(known, None) or self._new_text_side(tuple(queries), task)
        self._text_sides[known] = side
        while len(self._text_sides) > 16:
            del self._text_sides[next(iter(self._text_sides))]
        return side

    @torch.no_grad()
    def _new_text_side(self, queries: tuple[Query, ...], task: Task) -> TextSide:
        texts_of = {query.candidates: [self._label(one) for one in query.candidates] for query in queries}
        row = {text: index for index, text in enumerate(dict.fromkeys(text for texts in texts_of.values() for text in texts))}
        labels = self.embed_texts(list(row) or [""])
        longest = max(map(len, texts_of), default=0)
        padded = {one: [row[text] for text in texts] + [0] * (longest - len(one)) for one, texts in texts_of.items()}
        columns = torch.tensor([padded[query.candidates] for query in queries], dtype=torch.long, device=self.device)
        lengths = torch.tensor([len(query.candidates) for query in queries], device=self.device)
        absent = torch.arange(longest, device=self.device)[None] >= lengths[:, None]
        texts = None
        if task != "I2T":
            written = [self._query_text(query) for query in queries]
            empty = torch.tensor([not text for text in written], device=self.device)
            texts = self.text_tower.embed(written).masked_fill(empty[:, None], 0.0)
        return TextSide(queries, labels, columns.reshape(len(queries), longest), absent, texts)

    def _label(self, candidate: str) -> str:
        try:
            return label(self.kb[candidate], self.template)
        except KeyError:
            raise MissingError(f'candidate "{candidate}" is not in the knowledge base.') from None


def _picture(query: Query) -> Picture:
    if query.image is None:
        raise ImageError("no_image", f"mention {query.id} names no image.")
    return decode(query.image)


def _slice(
    queries: Sequence[Query], pictures: Sequence[Picture] | None, start: int, count: int
) -> tuple[Sequence[Query], Sequence[Picture] | None]:
    return queries[start : start + count], None if pictures is None else pictures[start : start + count]


def _ranking(query: Query, scores: Tensor | None) -> Prediction:
    """Candidates by descending score; a candidate listed twice is ranked once."""
    if scores is None:
        return Prediction(query.id, error="out_of_memory")
    own = dict(zip(query.candidates, scores.tolist(), strict=False))
    if not all(map(_finite, own.values())):
        return Prediction(query.id, error="non_finite")
    ranked = sorted(own, key=own.__getitem__, reverse=True)
    return Prediction(query.id, tuple(ranked), tuple(own[one] for one in ranked))


_finite: Callable[[float], bool] = lambda score: abs(score) < float("inf")  # noqa: E731


def _out_of_memory(problem: BaseException) -> bool:
    return isinstance(problem, (MemoryError, torch.OutOfMemoryError)) or "not enough memory" in str(problem)
