"""What an attack is given and must offer, by modality. It knows nothing about data sets or linkers beyond the scores it is given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from robustmel.attacks.quantities import number
from robustmel.errors import RobustMELError, UsageError, with_article

if TYPE_CHECKING:
    from torch import Tensor

    from robustmel.kb import KnowledgeBase
    from robustmel.types import EntityEdit, Perturbation, Query, TextChange, TextEdit

WRITES = {"image": ("image",), "text": ("text", "surface", "span"), "knowledge": ("name", "description", "text", "aliases")}
"""Modality -> what an attack of it may overwrite."""


class Objective(Protocol):
    """The scores of a batch as a function of its pixels."""

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C) scores; absent candidates hold minus infinity.

        Args:
            pixels: float32 (b, 3, H, W) in [0, 1].
            rows: int64 (b,): which images of the batch these are (an attack may drop some); None means all, in order.
        """


class Noise(Protocol):
    """Randomness with one generator per image, so that no image's result depends on its neighbours."""

    def uniform(self, rows: Tensor | None = None) -> Tensor:
        """float32 (b, 3, H, W), uniform in [-1, 1)."""

    def normal(self, rows: Tensor | None = None) -> Tensor:
        """float32 (b, 3, H, W), standard normal."""

    def integers(self, high: Tensor, rows: Tensor | None = None) -> Tensor:
        """int64 (b,), uniform in [0, high[i])."""


class Attack(Protocol):
    """A component of `ATTACKS`: a frozen dataclass whose fields are its parameters.

    `writes` names what it overwrites of a mention ("image", "text", "surface", "span"), or of an entity ("name", "description",
    "text", "aliases") where the modality is "knowledge". A task that reads none of it is untouched.
    """

    writes: ClassVar[tuple[str, ...]]
    version: ClassVar[int]

    @property
    def needs(self) -> Literal["gradients", "scores", "nothing"]:
        """What its source must give. Mostly a class variable."""

    @property
    def threat_model(self) -> str:
        """What the attack may do ("linf"); worst cases are over attacks of one threat model. Mostly a class variable."""

    @property
    def random(self) -> bool:
        """Whether it draws from `noise` with these parameters; what draws nothing is made once for all seeds."""

    @property
    def budget(self) -> str:
        """The budget as tables print it: "8/255", "c=20"."""

    def passes(self) -> int:
        """Forward-and-backward passes an image costs at most; for the time estimate of `plan`."""


class ImageAttack(Attack, Protocol):
    """An attack on the image of a mention.

    One that draws candidates' names has a method `with_names(names)`: for each image of a batch the names of its candidates, in the order
    of the columns -> what perturbs that batch.
    """

    modality: ClassVar[Literal["image"]]

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch.

        Args:
            pixels: float32 (B, 3, H, W) in [0, 1].
            objective: The scores; differentiable where `needs` says gradients.
            gold: int64 (B,), the column of the right candidate.
            noise: The batch's randomness.
        """


class TextObjective(Protocol):
    """How far the right answers to queries are ahead, as they stand, texts included."""

    def __call__(self, queries: Sequence[Query], gold: Sequence[str | None]) -> Tensor:
        """float32 (b,): the right candidate's score less its best rival's; below 0 it is not first, NaN where there is no answer.

        A candidate that scored exactly as much in every answer so far reads like the right one and is no rival: ask about the text
        as it is first.

        Args:
            queries: b queries with edited texts; one that was asked before goes by its id.
            gold: Ids of the right entities.
        """


class TextAttack(Attack, Protocol):
    """An attack on the sentence of a mention."""

    modality: ClassVar[Literal["text"]]

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """One edit a query, in the queries' order.

        Args:
            queries: B queries with a text.
            objective: The margins of edited queries; None where `needs` says that nobody is asked.
            gold: Ids of the right entities; None for NIL.
            seeds: One an item, so that no text's result depends on its neighbours.
        """


def unchecked(attack: Any) -> Iterator[str]:
    """What a run cannot see, or does not hold to the letter, of an image attack of another's, one clause each."""
    if attack.threat_model in ("linf", "l2") and type(attack).__module__.partition(".")[0] != "robustmel":
        try:
            levels = 255 * number("budget", attack.budget)
        except UsageError:
            yield f'its budget "{attack.budget}" is no number, so nothing checks that its images stay within it.'
            return
        if attack.threat_model == "linf" and abs(levels - round(levels)) > 1e-6:
            reached = math.floor(levels + 0.5)
            yield f"its budget {attack.budget} is {levels:.4g}/255, and saved images may reach {reached}/255: 8 bits have whole 255ths."


def replayed(text: str, changes: Sequence[TextChange]) -> str | None:
    """The original text with changes made to it, as provenance lists them; None where an old part is not there."""
    for start, end, old, new, _ in sorted(changes, reverse=True):
        if text[start:end] != old:
            return None
        text = text[:start] + new + text[end:]
    return text


class KnowledgeAttack(Attack, Protocol):
    """An attack on entries of the knowledge base."""

    modality: ClassVar[Literal["knowledge"]]

    def perturb(
        self, queries: Sequence[Query], kb: KnowledgeBase, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[EntityEdit]:
        """The entities that change, each once.

        Args:
            queries: All that will be asked.
            kb: The knowledge base as it is.
            gold: Ids of the right entities; None for NIL.
            seeds: One a query.
        """


def violations(kind: type[Any]) -> Iterator[str]:
    """What an attack's class lacks of the contract, one sentence each, as far as can be seen without building it."""
    choices = {"modality": tuple(WRITES), "needs": ("gradients", "scores", "nothing")}
    for name, allowed in choices.items():
        stated = getattr(kind, name, None)
        if stated not in allowed and not (name == "needs" and isinstance(stated, property)):
            yield f"it has no class attribute {name}; write one of {', '.join(allowed)}."
    writes, allowed = getattr(kind, "writes", None), WRITES.get(getattr(kind, "modality", None) or "", ())
    if not isinstance(writes, tuple) or not writes or not set(writes) <= set(allowed):
        yield f'it has no class attribute writes that says what it overwrites, such as writes = ("{(allowed or ("image",))[0]}",).'
    if not isinstance(getattr(kind, "version", None), int):
        yield "it has no class attribute version; write version = 1, and raise it whenever what it makes changes."
    for name, example in (("threat_model", '"linf"'), ("budget", '"8/255"'), ("random", "False")):
        if not hasattr(kind, name):
            yield f"it has no class attribute or property {name}, such as {example}."
    for name in ("passes", "perturb"):
        if not callable(getattr(kind, name, None)):
            yield f"it has no method {name}."


def misdeclared(attack: Any) -> Iterator[str]:
    """What an attack of these parameters says of itself that is not of its kind, one sentence each."""
    if attack.needs not in ("gradients", "scores", "nothing"):
        yield f'its needs is "{attack.needs}"; it must be gradients, scores or nothing.'
    if not all(isinstance(getattr(attack, name, ""), str) for name in ("budget", "threat_model")):
        yield 'its budget and threat_model must be text, such as "8/255" and "linf".'
    try:
        passes = attack.passes()
    except (Exception, SystemExit) as problem:  # an attack of anyone's may raise anything; the sentence says what
        yield f"its passes() raises {type(problem).__name__}: {problem}."
    else:
        if not isinstance(passes, int) or passes < 0:
            yield "passes() must give a whole number: the passes an image costs at most."


def check_edits(name: str, edits: object, kind: type[Any]) -> None:
    """Refuses what is no list of edits.

    Raises:
        RobustMELError: It is something else; the sentence names what.
    """
    if not isinstance(edits, (list, tuple)) or isinstance(edits, kind):  # one edit may be a tuple itself
        what = with_article(type(edits).__name__)
    elif others := [edit for edit in edits if not isinstance(edit, kind)]:
        what = f"a list of {type(others[0]).__name__}"
    else:
        return
    raise RobustMELError(f"attack {name}: perturb must return a list of robustmel.types.{kind.__name__}, not {what}.")


def remarks(declared: Any, attack: Any) -> tuple[str, ...]:
    """Where an attack is less than its parameters sound like: on images of 8 bits, and with so many steps of such a size."""
    notes = []
    if attack != declared:
        notes.append(f"eps = {255 * declared.eps:.4g}/255 means {attack.budget}: a pixel of 8 bits changes by whole 255ths.")
    notes += unchecked(attack)
    reach, eps = getattr(attack, "reach", math.inf), getattr(attack, "eps", 0.0)
    across = 0.0 if isinstance(eps, str) else 2 * eps
    if reach < across * (1 - 1e-9):
        far, wide = f"{255 * reach:.4g}/255", f"{255 * across:.4g}/255"
        notes.append(f"its steps reach {far} at most, and its ball is {wide} across; more or larger steps may break more.")
    return tuple(notes)
