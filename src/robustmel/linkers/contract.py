"""What a linker must offer, and what it may offer beyond that.

A linker is built as `Linker(kb, **parameters)`: the knowledge base is positional-only, the rest are the parameters a grid sets.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from robustmel.errors import UsageError
from robustmel.registry import own_parameters
from robustmel.types import TASKS, Prediction, Query, Task, Usage

if TYPE_CHECKING:
    from torch import Tensor

    from robustmel.kb import KnowledgeBase


@runtime_checkable
class Linker(Protocol):
    """The least a linker must offer."""

    tasks: ClassVar[tuple[Task, ...]]
    version: ClassVar[int]

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction per query, in order; a query that cannot be answered gets a prediction with `error` set."""


@runtime_checkable
class Scored(Protocol):
    """A linker that can score the candidates of queries: enough for black-box attacks and margins."""

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C) scores without gradient, from each query's own image file; see `Differentiable.logits` for C."""


@runtime_checkable
class Differentiable(Protocol):
    """A linker whose scores can be differentiated down to the raw pixels: what white-box attacks need."""

    logit_scale: float
    """What multiplies the scores before a softmax (CLIP's learnt temperature); 1.0 where there is none."""

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C) scores of the candidates, the very ones `link` ranks by.

        Args:
            pixels: float32 (B, 3, H, W) in [0, 1], the images at their own size; they stand in for the queries' images.
            queries: B queries; C is the length of the longest candidate list, column j is `candidates[j]`, the missing
                columns of shorter lists hold minus infinity. Where the knowledge base is open (`candidates` is None), column j is
                its j-th entity.
            task: "I2T" scores the image alone, "IT2T" the fusion of image and text.
        """


class DeclaresCapabilities(Protocol):
    """A linker that says what it offers by its parameters; it is asked while a grid is planned, before anything is made."""

    @classmethod
    def examine(cls, **parameters: object) -> Capabilities:
        """What it offers with these parameters.

        Raises:
            RobustMELError: They are out of their range, or what they name does not work; the sentence says why.
        """


class HasAssets(Protocol):
    """A linker with files behind it (weights, tokenizer): their digests are part of every key."""

    @classmethod
    def assets(cls, **parameters: object) -> tuple[Path, ...]:
        """The files that decide its answers, from its parameters alone and before any of them is loaded.

        Raises:
            MissingError: A file is absent; the sentence says which one was looked for, and where.
        """


class HasReference(Protocol):
    """A linker with two ways to its answers: the one in use, batched and cached, and a slow one that others wrote."""

    canary: int
    """How many mentions are compared before clean answers are kept."""
    tolerance: float
    """By how much the scores of one answer may differ between the two."""

    def reference(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction per query, in order, by the slow way; for queries that `link` answers without an error."""


class StatesMemory(Protocol):
    """A linker that is large, and says so while a grid is planned."""

    @classmethod
    def memory(cls, **parameters: object) -> Mapping[str, int]:
        """What takes memory ("language model in bfloat16") -> bytes, from its parameters alone and before anything is loaded."""


class StatesTokens(Protocol):
    """A linker that reads and writes tokens, and says how many while a grid is planned."""

    @classmethod
    def tokens(cls, kb: KnowledgeBase, queries: Sequence[Query], task: Task, **parameters: object) -> Usage:
        """About what answers to these queries cost, from its parameters alone and before anything is loaded or asked."""


@dataclass(frozen=True)
class Capabilities:
    """What a linker offers beyond answering, known before it is built.

    Args:
        tasks: What it answers.
        scores: It scores candidates (`Scored`).
        gradients: Its scores can be differentiated down to the pixels (`Differentiable`).
        labels: It reads `Query.labels`: `reads_labels = True` in the class; how, may have a version of its own, `labels_version`.
        open_answers: It answers from the whole knowledge base where a query lists no candidates: `open_answers = True`.
        demos: It is shown demonstrations, and can be shown others: `showing(part, of)`.
        images: It reads image files where a task says so: `reads_images = False` in the class denies it.
        random: It draws, starting from `Query.seed`: `random = True`.
        no_gradient: Why there are no gradients, where that needs saying.
    """

    tasks: tuple[Task, ...]
    scores: bool = False
    gradients: bool = False
    labels: bool = False
    open_answers: bool = False
    demos: bool = False
    images: bool = True
    random: bool = False
    no_gradient: str = ""


def capabilities(linker_class: Any, parameters: Mapping[str, object] | None = None) -> Capabilities:
    """What a linker offers; what it does not declare, it does not offer.

    Args:
        linker_class: Its class, or the linker itself.
        parameters: All of them, for a class that is to be examined with them.
    """
    if parameters is not None and hasattr(linker_class, "examine"):
        examined: Capabilities = linker_class.examine(**parameters)
        return examined
    return Capabilities(
        tasks=tuple(getattr(linker_class, "tasks", ())),
        scores=callable(getattr(linker_class, "scores", None)),
        gradients=callable(getattr(linker_class, "logits", None)),
        labels=bool(getattr(linker_class, "reads_labels", False)),
        open_answers=bool(getattr(linker_class, "open_answers", False)),
        demos=callable(getattr(linker_class, "showing", None)),
        images=bool(getattr(linker_class, "reads_images", True)),
        random=bool(getattr(linker_class, "random", False)),
        no_gradient=str(getattr(linker_class, "no_gradient", "")),
    )


def violations(kind: type[Any]) -> Iterator[str]:
    """What a linker's class lacks of the contract, one sentence each, as far as can be seen without building it."""
    if not callable(getattr(kind, "link", None)):
        yield "it has no method link(queries, task)."
    tasks = getattr(kind, "tasks", None)
    if not isinstance(tasks, (tuple, list)) or not tasks or any(task not in TASKS for task in tasks):
        yield f'it has no class attribute tasks naming what it answers, such as tasks = ("T2T",); known: {", ".join(TASKS)}.'
    if not isinstance(getattr(kind, "version", None), int):
        yield "it has no class attribute version; write version = 1, and raise it whenever its answers change."
    signature = list(inspect.signature(kind).parameters.values())
    if not signature or signature[0].kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
        yield "its constructor must take the knowledge base first and positional-only: def __init__(self, kb, /, ...)."
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in signature):
        yield f"its constructor takes **kwargs; name its parameters ({', '.join([*own_parameters(kind), '...'])}), as grids set them by name."
    if callable(getattr(kind, "assets", None)) and not inspect.ismethod(kind.assets):
        yield "its assets must be a classmethod: they are asked for before it is built."


def check_task(linker: Linker, task: Task, *, pixels: bool = False) -> None:
    """Refuses a task that a linker does not answer and, where it is to read `pixels`, one without an image.

    Raises:
        UsageError: The sentence names the tasks that would do.
    """
    if task not in linker.tasks:
        raise UsageError(f'linker {type(linker).__name__} has no task "{task}"; it has {", ".join(linker.tasks)}.')
    if pixels and task == "T2T":
        others = " or ".join(other for other in linker.tasks if other != task)
        raise UsageError(f'task "{task}" reads no image, so it has no gradient in the pixels; choose {others}.')


def lacks(absent: KeyError) -> str:
    """The sentence for a class of one's own without a parameter that the linker it inherits from reads before it is built."""
    return (
        f"its constructor lacks the parameter {absent.args[0]}, which the class it inherits from reads; add it and hand it on"
    )
