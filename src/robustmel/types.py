"""The data types that the whole package shares. No torch, no pandas, no file access."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from robustmel.errors import ImageError

if TYPE_CHECKING:
    from torch import Tensor

Task = Literal["I2T", "IT2T", "T2T"]
"""What a linker may read: the image, the image and the text, or the text alone."""
TASKS: tuple[Task, ...] = ("I2T", "IT2T", "T2T")


@dataclass(frozen=True, slots=True)
class Entity:
    """An entry of the knowledge base.

    Args:
        id: Unique in its knowledge base; a Wikidata id where the data set uses those.
        name: The label that linkers see.
        aliases: Other names, the label not among them.
        qid: Wikidata id, None where it is not known.
        description: One short phrase.
        text: Encyclopaedic sentences.
        type: A coarse class ("country", "person").
        popularity: Non-negative weight, comparable within one knowledge base.
        images: Image files of the entity.
    """

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    qid: str | None = None
    description: str = ""
    text: str = ""
    type: str | None = None
    popularity: float = 0.0
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What a linker or a defence gets to see of a mention: never the gold entity, never the data set's own id.

    Args:
        id: Opaque; equal for the same mention in every run.
        text: The sentence, possibly empty.
        surface: The mention string.
        span: Character offsets [start, end) of the surface in the text, None where it could not be located.
        image: The image file; None where the record names none. It may turn out missing or broken when decoded.
        candidates: Entity ids to choose from, in no meaningful order; None where the whole knowledge base is open.
        labels: Candidate id -> the sentence that stands for it instead of its name: how a defence, or an attack on the knowledge
            base, gives candidates other texts. None where nothing is replaced.
        seed: What a linker that draws starts from; 0 for one that does not.
    """

    id: str
    text: str
    surface: str
    span: tuple[int, int] | None
    image: Path | None
    candidates: tuple[str, ...] | None
    labels: Mapping[str, str] | None = None
    seed: int = 0

    @property
    def listed(self) -> tuple[str, ...]:
        """The candidates, for who asks with lists alone; raises ValueError where the whole knowledge base is open."""
        if self.candidates is None:
            raise ValueError(f"query {self.id} lists no candidates: the whole knowledge base is open.")
        return self.candidates

    @property
    def image_file(self) -> Path:
        """The image, for who needs one; raises ImageError where the record names none."""
        if self.image is None:
            raise ImageError("no_image", f"mention {self.id} names no image.")
        return self.image


@dataclass(frozen=True, slots=True)
class Mention:
    """A record of a data set: what is asked, and the answer.

    Args:
        id: The data set's own id, unique within it.
        gold: Id of the right entity; None means NIL (the entity is in no knowledge base).
        surface: The mention string, possibly empty.
        text: The sentence, possibly empty.
        span: Character offsets [start, end) of the surface in the text; None where it could not be located.
        image: Path of the image file; None where the record names none.
        candidates: Candidate ids that came with the data set; None where it has none.
        split: "train", "validation" or "test"; None where the data set does not say.
        topic: What the record is about ("sports", "politics"), None where the data set does not say.
        box: Where in the image the entity is: pixels (left, top, right, bottom), inside the image; None where not said.
    """

    id: str
    gold: str | None
    surface: str
    text: str = ""
    span: tuple[int, int] | None = None
    image: Path | None = None
    candidates: tuple[str, ...] | None = None
    split: str | None = None
    topic: str | None = None
    box: tuple[float, float, float, float] | None = None

    def query(self, dataset: str, candidates: tuple[str, ...] | None) -> Query:
        """The part of this mention that a linker may see; candidates None open the whole knowledge base."""
        return Query(opaque_id(dataset, self.id), self.text, self.surface, self.span, self.image, candidates)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost a linker that is paid or counted: calls to a service or a model, tokens read and written."""

    calls: int = 0
    tokens_read: int = 0
    tokens_written: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.calls + other.calls, self.tokens_read + other.tokens_read, self.tokens_written + other.tokens_written)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A linker's answer to one query.

    Args:
        id: The query's id.
        ranked: Entity ids, best first; empty means NIL.
        scores: One score per ranked id, non-increasing.
        error: Why there is no answer (`no_image`, `image_decode`, ...); None when there is one.
        seconds: Wall-clock seconds this mention took (its share of a batch).
        text: The raw answer of a linker that writes; "" for one that ranks.
        status: "ok", or how the answer came about: "nil", "unparsed", "refused", "dead_end", "fallback:<why>".
        usage: What it cost.
        sentences: A digest of what stood for each listed candidate, in the query's order, where a defence put sentences there.
        descriptors: Words that a defence found for the image; None where none looked at it.
        demos: The demonstrations that a language model was shown, in the order of the prompt: of each its id, a blank, and a digest of
            what it says. None for a linker that shows none.
    """

    id: str
    ranked: Sequence[str] = ()
    scores: Sequence[float] = ()
    error: str | None = None
    seconds: float = 0.0
    text: str = ""
    status: str = "ok"
    usage: Usage = Usage()
    sentences: tuple[str, ...] = ()
    descriptors: tuple[str, ...] | None = None
    demos: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What an image attack returns for a batch of B images; every tensor has B rows.

    Args:
        pixels: float32 (B, 3, H, W) in [0, 1].
        succeeded: bool (B,): the scores at `pixels` no longer put gold first (or put the target first).
        queries: int64 (B,): forward evaluations spent on each image.
        iterations: int64 (B,): gradient steps taken on each image.
        linf: float32 (B,): largest absolute change of a pixel.
        l2: float32 (B,): Euclidean length of the change.
        zero_gradients: int64 (B,): steps whose gradient was zero everywhere; many mean that gradients are masked.
        note: What the attack had to do differently ("dlr needs 3 candidates; ..."), or "".
        loss_first: float32 (B,): the attack's loss at the first gradient; NaN where there was none. None for an attack that
            follows no loss, as for the next three.
        loss_best: float32 (B,): the highest loss at any gradient.
        margin_first: float32 (B,): how far the goal was reached at the first gradient; above zero, it was.
        margin_best: float32 (B,): the furthest it was reached at any gradient.
        failed: bool (B,): scores or gradients that were no numbers kept the attack from its end before anything fooled. None for
            an attack that asks nobody, as for the next.
        probabilities: bool (B,): the scores whose gradients were followed looked like probabilities.
        fooled_by: Of an ensemble, the member ("square") that fooled each image, "" for none; empty for an attack without members.
    """

    pixels: Tensor
    succeeded: Tensor
    queries: Tensor
    iterations: Tensor
    linf: Tensor
    l2: Tensor
    zero_gradients: Tensor
    note: str = ""
    loss_first: Tensor | None = None
    loss_best: Tensor | None = None
    margin_first: Tensor | None = None
    margin_best: Tensor | None = None
    failed: Tensor | None = None
    probabilities: Tensor | None = None
    fooled_by: tuple[str, ...] = ()


class TextChange(NamedTuple):
    """One edit: characters [start, end) of the original text, `old`, became `new` by an action ("substitute", "delete")."""

    start: int
    end: int
    old: str
    new: str
    action: str


class TextEdit(NamedTuple):
    """What a text attack makes of one query's text.

    Args:
        id: The query's id.
        text: The sentence now.
        surface: The mention string now.
        span: Where it stands in the sentence; None where it could not be located.
        succeeded: Whether the attack believes that it fooled its source; None where it asked nobody.
        queries: Times the source was asked about this text.
        edits: Words or characters changed, by the attack's own count.
        similarity: Likeness of old and new sentence, in [0, 1]; None where nothing measured it.
        note: What the attack had to do differently, or "".
        changes: Every edit, by place, none within another; with them alone the original text becomes this one. Empty for an attack
            that does not say.
    """

    id: str
    text: str
    surface: str
    span: tuple[int, int] | None
    succeeded: bool | None = None
    queries: int = 0
    edits: int = 0
    similarity: float | None = None
    note: str = ""
    changes: tuple[TextChange, ...] = ()


@dataclass(frozen=True, slots=True)
class EntityEdit:
    """What an attack on the knowledge base makes of one entity; None leaves a field as it was.

    Args:
        id: The entity's id.
        name: Its name now.
        description: Its description now.
        text: Its encyclopaedic sentences now.
        aliases: Its other names now.
        note: What the attack had to do differently, or "".
    """

    id: str
    name: str | None = None
    description: str | None = None
    text: str | None = None
    aliases: tuple[str, ...] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination of a grid's axes: what plans, rows, summaries, flags, transfer and comparisons know a figure by.

    Args:
        dataset: Title of the data set.
        task: "I2T", "IT2T" or "T2T".
        linker: Title of the linker that is judged.
        defence: Title of what it is behind; "none".
        source: Title of what the attack asked, its defence included ("clip-world behind jpeg"); "none" where nobody was asked.
        attack: Title of the attack; "clean".
        poison: Title of what was done to the training data; "none".
        seed: The run's seed; None for what is said of all seeds together.
        source_linker: Title of the source's linker alone; "" where there is none or several. Cells are told apart without it.
    """

    dataset: str
    task: Task
    linker: str
    defence: str = "none"
    source: str = "none"
    attack: str = "clean"
    poison: str = "none"
    seed: int | None = None
    source_linker: str = field(default="", compare=False)

    @property
    def title(self) -> str:
        """The cell in words, for messages."""
        parts = [self.dataset, self.task, self.linker, self.defence, self.attack]
        parts += [f"poisoned by {self.poison}"] * (self.poison != "none")
        return " ".join(parts + [f"seed {self.seed}"] * (self.seed is not None))


def opaque_id(dataset: str, mention_id: str) -> str:
    """A stable id that says nothing about the record (Richpedia-MEL's own ids are the answers)."""
    return hashlib.blake2b(f"{dataset}\x00{mention_id}".encode("utf-8", "replace"), digest_size=10).hexdigest()
