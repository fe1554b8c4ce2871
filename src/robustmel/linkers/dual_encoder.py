"""Linkers that embed images and texts in one space and compare them by cosine."""

import gc
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.errors import ImageError, MissingError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.batches import answered, scored
from robustmel.linkers.contract import Capabilities, capabilities, check_task
from robustmel.linkers.family import Family
from robustmel.linkers.loading import check_device, load, pick_device
from robustmel.linkers.preprocessing import Picture, Preprocessing
from robustmel.linkers.ranking import ranking
from robustmel.linkers.smoke_test import smoke_test
from robustmel.linkers.text_side import TextSide, TextSides
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.texts import QueryText, check_texts
from robustmel.linkers.weights import WORLD, weight_files
from robustmel.types import Prediction, Query, Task

log = logging.getLogger(__name__)

_EXAMINED: dict[tuple[Any, ...], Capabilities] = {}
"""Class and files of a model -> what it offers, as far as it was asked in this process."""

Asked = tuple[Query, Picture | None]
"""A query and its decoded image; no image where the task reads none."""


class DualEncoder(Family):
    """Base of the dual encoders: all but what `Family` says of one.

    I2T compares the image with "a photo of <name>" of every candidate, T2T the query text, IT2T the normalised sum of both. A
    sentence in `Query.labels` stands for the candidate it is given for, without the template. The scores are cosines in [-1, 1]; candidates whose texts the model reads alike score equally, to the last bit.

    Args:
        kb: Where candidates come from.
        model: A local folder in the Hugging Face layout, a hub id, or `world:NAME` for an embedded checkpoint.
        revision: Branch, tag or commit, for a hub id.
        allow_pickle: Digest ("sha256:...") of the pytorch_model.bin that may be read where there are no safetensors, as tensors
            alone; by default no pickle is read.
        template: Text of a candidate; may hold {name}, {description}, {type}.
        query_text: "sentence", "surface", or "both" (the surface, then the sentence).
        query_template: Put around the query text; holds {text}.
        normalise: Bring image and text embeddings to unit length before they are summed.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", ...
        batch_size: Images encoded at a time; halved as often as needed when memory runs out.

    Attributes:
        logit_scale: The learnt temperature: what multiplies cosines before a softmax.
        no_gradient: Why it has no `logits`; "" where it has.

    Raises:
        UsageError: A parameter is out of its range, or the folder holds another family.
        MissingError: The model or the device is not there.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("I2T", "IT2T", "T2T")
    version: ClassVar[int] = 1
    reads_labels: ClassVar[bool] = True
    open_answers: ClassVar[bool] = True
    trained_as: ClassVar[str] = "dual-encoder"
    """How it is trained, by the table of `robustmel.training`."""

    def __init__(
        self,
        kb: KnowledgeBase,
        /,
        *,
        model: str,
        revision: str | None = None,
        allow_pickle: str | None = None,
        template: str = "a photo of {name}",
        query_text: QueryText = "both",
        query_template: str = "{text}",
        normalise: bool = True,
        device: str = "auto",
        batch_size: int = 64,
    ) -> None:
        self._check(template=template, query_text=query_text, query_template=query_template, batch_size=batch_size)
        self.normalise = normalise
        self.batch_size = batch_size
        self.device = pick_device(device)
        loaded = load(model, revision, self.library_class, self.model_types, allow_pickle=allow_pickle)
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
        self.logit_scale = float(self.temperature(self.model).detach())
        self.kb = kb
        self.text_sides = TextSides(kb, self.text_tower, template, query_text, query_template)
        if not self.masks_padding and self.tokenizer.pad_token_id is None:
            raise MissingError(
                f"{model} states no pad_token, and {type(self).__name__} reads padding; add it to tokenizer_config.json."
            )
        if not model.startswith(WORLD):
            smoke_test(self, model)
        self.no_gradient = self.preprocessing.no_gradient
        if self.no_gradient:
            self.logits = None  # type: ignore[assignment, method-assign]  # so it is not `Differentiable`

    @staticmethod
    def _check(
        template: str = "{name}", query_text: str = "both", query_template: str = "{text}", batch_size: int = 1, **others: Any
    ) -> None:
        """Refuses parameters out of their range before anything is loaded; a class of one's own may lack any of them."""
        check_texts(template, query_text, query_template)
        if batch_size < 1:
            raise UsageError(f"batch_size = {batch_size}; expected at least 1.")

    @classmethod
    def examine(cls, **parameters: Any) -> Capabilities:
        """What it offers with these parameters; a folder is loaded and tried once for that, the embedded checkpoints are known.

        Raises:
            RobustMELError: As when it is built.
        """
        cls._check(**parameters)
        check_device(parameters.get("device", "auto"))
        model = parameters["model"]
        if not model or model.startswith(WORLD):  # one that is to be trained has no model yet
            return capabilities(cls)
        state = (cls, *((path, path.stat().st_mtime_ns) for path in cls.assets(**parameters)))
        if state not in _EXAMINED:
            elsewhere = {"device": "cpu"} if "device" in parameters else {}
            _EXAMINED[state] = capabilities(cls(KnowledgeBase(()), **parameters | elsewhere))
            gc.collect()  # a model's memory is needed again
        return _EXAMINED[state]

    @classmethod
    def assets(cls, **parameters: Any) -> tuple[Path, ...]:
        """Weights, tokenizer and configurations: the files that decide the answers."""
        return weight_files(parameters["model"], parameters.get("revision"), parameters.get("allow_pickle"))

    def cut_texts(self, queries: Sequence[Query], task: Task) -> int:
        """How many of the distinct texts behind these queries the tokenizer's limit cuts, once they were linked."""
        sides = self.text_sides
        texts = set().union(*(query.labels.values() for query in queries if query.candidates is None and query.labels))
        if any(query.candidates is None for query in queries):
            texts |= {sides.label(entity.id) for entity in self.kb}
        listed = ((candidate, query.labels) for query in queries for candidate in query.candidates or ())
        texts |= {sides.label(candidate, labels) for candidate, labels in listed if candidate in self.kb}
        if task != "I2T":
            texts |= {sides.query_text(query) for query in queries}
        return len(texts & self.text_tower.cut)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Unit embeddings of texts as they stand, without any template: float32 (n, D)."""
        return functional.normalize(self.text_tower.embed(texts), dim=-1)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction per query, in order, ranked by cosine; ties keep the candidates' order.

        A query without candidates gets the empty ranking (NIL). One whose image cannot be used gets an error row; so does one
        without any text in T2T ("no_text"), one with a candidate that is not in the knowledge base ("unknown_candidate"), and
        one whose scores are not finite ("non_finite").
        """
        check_task(self, task)
        return answered(queries, self.batch_size, lambda batch: self._answer(batch, task))

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) cosines, from each query's own image; absent candidates hold minus infinity.

        Raises:
            ImageError: The image of a query cannot be used.
        """
        check_task(self, task)
        return scored(
            queries,
            self.batch_size,
            lambda part: self._scores([(query, None if task == "T2T" else self._picture(query)) for query in part], task),
        )

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
        check_task(self, task, pixels=True)
        values = self.preprocessing.smooth(pixels) if smooth else self.preprocessing(pixels)
        return self._cosines(self.image_features(self.model, values.to(self.device)), self.text_sides.of(queries, task))

    # How it is done ---------------------------------------------------------------------------------------------------

    def _answer(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """Predictions of one batch; what cannot be asked gets its row without disturbing the rest."""
        sound: list[Asked] = []
        errors: dict[int, str] = {}
        for index, query in enumerate(queries):
            try:
                asked = (query, None if task == "T2T" else self._picture(query))
                error = self._unanswerable(query, task)
            except ImageError as problem:
                error = problem.kind
            if error is None:
                sound.append(asked)
            else:
                errors[index] = error
        rows = iter(_by_halves(lambda part: list(self._scores(part, task).cpu()), sound))
        return [
            Prediction(query.id, error=errors[index]) if index in errors else ranking(query, next(rows), self.kb)
            for index, query in enumerate(queries)
        ]

    def _picture(self, query: Query) -> Picture:
        picture = decode(query.image_file)
        if self.preprocessing.understood:
            self.preprocessing.settings.resize(*picture.shape[:2])  # refuses what it cannot take
        return picture

    def _unanswerable(self, query: Query, task: Task) -> str | None:
        if any(candidate not in self.kb for candidate in query.candidates or ()):
            return "unknown_candidate"
        return "no_text" if task == "T2T" and not self.text_sides.query_text(query) else None

    @torch.no_grad()
    def _scores(self, asked: Sequence[Asked], task: Task) -> Tensor:
        side = self.text_sides.of([query for query, _ in asked], task)
        pictures = [picture for _, picture in asked if picture is not None]
        if not pictures:
            return self._cosines(None, side)
        return self._cosines(self.image_features(self.model, self.preprocessing.pictures(pictures).to(self.device)), side)

    def _cosines(self, images: Tensor | None, side: TextSide) -> Tensor:
        """(B, C): one column a distinct text, then spread, so that duplicates are equal by construction."""
        return (
            self.compare(images, side.texts, side.labels, self.normalise)
            .gather(1, side.columns)
            .masked_fill(side.absent, -torch.inf)
        )


def _by_halves(work: Callable[[Sequence[Asked]], list[Tensor]], items: Sequence[Asked]) -> list[Tensor | None]:
    """One answer an item; when memory runs out, by halves, and None for an item that does not fit alone."""
    if not items:
        return []
    try:
        return list(work(items))
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, (MemoryError, torch.OutOfMemoryError)) and "not enough memory" not in str(problem):
            raise
    if len(items) == 1:
        return [None]
    half = len(items) // 2
    log.warning("out of memory with a batch of %d; trying %d", len(items), half)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return _by_halves(work, items[:half]) + _by_halves(work, items[half:])
