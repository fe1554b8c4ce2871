"""Tests whether an attack keeps the contract, one sentence per violation. The selftest tests its strength."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any

import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.attacks.contract import misdeclared, replayed
from robustmel.attacks.image.eight_bit import eight_bit, euclidean, largest
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.quantities import number
from robustmel.errors import RobustMELError, UsageError, with_article
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, EntityEdit, Perturbation, Query, TextEdit

SIZES = ((24, 32), (17, 9), (1, 3))
"""(height, width) of the images."""

LISTS = ((5, 5, 3, 2), (2, 2, 2, 2))
"""Candidates of the four images: lists of several lengths, and pairs."""

HALF_A_LEVEL = 0.5 / 255
LAST_BITS = 0.01
"""Share of values that may differ where nothing should."""
PER_ROW = ("succeeded", "queries", "iterations", "linf", "l2", "zero_gradients")


def conformance(attack: str | type[Any], **parameters: Any) -> list[str]:
    """Tries an attack on small noisy images, sentences or entities, with scores made up for them.

    Returns:
        Problems, one sentence each; empty when there are none.
    """
    try:
        kind = ATTACKS.load(attack) if isinstance(attack, str) else attack
        if problems := list(ATTACKS.violations(kind)):
            return problems
        instance = kind(**(ATTACKS.parameters(attack, parameters) if isinstance(attack, str) else parameters))
        checks = {"image": _on_images, "text": _on_texts, "knowledge": _on_entities}
        return list(dict.fromkeys([*misdeclared(instance), *checks[instance.modality](instance)]))
    except RobustMELError as problem:
        return [str(problem)]
    except (Exception, SystemExit) as problem:  # an attack of anyone's may raise anything; the sentence says what
        return [f"it raises {type(problem).__name__}: {problem}."]


@dataclass
class _Trial:
    """Four noisy images of one size, with scores that are smooth, differ by image and know where they are asked."""

    attack: Any
    size: tuple[int, int]
    lists: tuple[int, ...]
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        dice = torch.Generator().manual_seed(3)
        self.pixels = torch.randint(0, 256, (4, 3, *self.size), generator=dice) / 255
        self.weights = torch.randn(4, 3, *self.size, max(self.lists), generator=dice, dtype=torch.float64)
        self.absent = torch.arange(max(self.lists)) >= torch.tensor(self.lists)[:, None]
        self.gold = self.scores(self.pixels, torch.arange(4)).argmax(1)

    def scores(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """In double precision, so that neighbours change nothing; the right candidate leads by what 2/255 can undo."""
        sums = torch.einsum("bchw,bchwk->bk", pixels.double(), self.weights[rows]) / self.weights[0, ..., 0].numel() ** 0.5
        return torch.tanh(sums).float().masked_fill(self.absent[rows], -torch.inf)

    def perturbed(self, images: Sequence[int] = range(4), seed: int = 0, gold: Tensor | None = None) -> Perturbation:
        """What the attack makes of some of the images, whatever the global generator."""
        places = torch.tensor(list(images))

        def objective(pixels: Tensor, rows: Tensor | None = None) -> Tensor:
            named = places if rows is None else places[rows]
            if pixels.shape != (len(named), 3, *self.size):
                self.asked.append("it asks for scores of some images without their rows, or with another size.")
                raise UsageError(self.asked[-1])
            if bool((pixels < 0).any() | (pixels > 1).any()):
                self.asked.append("it asks for scores of pixels outside [0, 1].")
            if self.attack.needs == "nothing":
                self.asked.append('it declares needs = "nothing", but asks for scores.')
            return self.scores(pixels, named).detach() if self.attack.needs == "scores" else self.scores(pixels, named)

        pixels, right = self.pixels[places].clone(), (self.gold if gold is None else gold)[places].clone()
        noise = ItemNoise([1000 * seed + image for image in images], (3, *self.size))
        perturbation: Any = self.attack.perturb(pixels, objective, right, noise)
        if not isinstance(perturbation, Perturbation):
            raise UsageError(
                f"perturb must return a robustmel.types.Perturbation, not {with_article(type(perturbation).__name__)}."
            )
        if not torch.equal(pixels, self.pixels[places]):
            self.asked.append("it changes its input pixels in place; work on a copy.")
        return perturbation


def _on_images(attack: Any) -> Iterator[str]:
    """Of every size and kind of list; the first on which it raises, alone."""
    for size, lists in product(SIZES, LISTS):
        trial = _Trial(attack, size, lists)
        try:
            yield from _on_one_size(attack, trial)
            yield from trial.asked
        except RobustMELError as problem:
            yield str(problem)
            return
        except (Exception, SystemExit) as problem:  # as above
            among = "pairs" if set(lists) == {2} else "lists of several lengths"
            yield f"on images of {size[1]}x{size[0]} and {among} of candidates it raises {type(problem).__name__}: {problem}."
            return


def _on_one_size(attack: Any, trial: _Trial) -> Iterator[str]:
    state = torch.get_rng_state()
    whole = trial.perturbed()
    if not torch.equal(state, torch.get_rng_state()):
        yield "it draws from torch's global generator; draw from noise, which has one generator per image."
    yield from _well_formed(attack, trial, whole)
    torch.manual_seed(1)  # whoever draws elsewhere is seen
    again, other, turned = trial.perturbed(), trial.perturbed(seed=1), trial.perturbed(range(3, -1, -1))
    torch.set_rng_state(state)
    alone = torch.cat([trial.perturbed([image]).pixels for image in range(4)])
    if not torch.equal(whole.pixels, again.pixels):
        yield "the same noise gives different images; draw from noise alone."
    elif not _alike(whole.pixels, turned.pixels.flip(0)):
        yield "the order of the images changes the result."
    elif not _alike(whole.pixels, alone):
        yield "an image alone gives another result than in a batch."
    elif not getattr(attack, "random", False) and not torch.equal(whole.pixels, other.pixels):
        yield "other noise gives other images; an attack that draws declares random = True."
    if attack.needs == "nothing" and not torch.equal(whole.pixels, trial.perturbed(gold=1 - trial.gold.clamp(max=1)).pixels):
        yield 'the right answer changes its images, though it declares needs = "nothing".'


def _alike(images: Tensor, others: Tensor) -> bool:
    """Equal as files keep them, but for a few values that the last bits of sums decide."""
    return float((eight_bit(images) != eight_bit(others)).float().mean()) < LAST_BITS


def _well_formed(attack: Any, trial: _Trial, perturbation: Perturbation) -> Iterator[str]:
    """Shape, box, budget, and that what it says of its images is true of them."""
    if perturbation.pixels.shape != trial.pixels.shape or perturbation.pixels.dtype != torch.float32:
        yield "its pixels must be float32 with the shape of its input."
        return
    if lengths := [name for name in PER_ROW if tuple(getattr(perturbation, name).shape) != (4,)]:
        yield f"{' and '.join(lengths)} must hold one value per image."
        return
    if not bool(perturbation.pixels.isfinite().all()) or perturbation.pixels.min() < 0 or perturbation.pixels.max() > 1:
        yield "its pixels must be finite and lie in [0, 1]."
        return
    rounded = eight_bit(perturbation.pixels)
    for name, true, stated, slack in (
        ("linf", largest(perturbation.pixels - trial.pixels), largest(rounded - trial.pixels), HALF_A_LEVEL),
        (
            "l2",
            euclidean(perturbation.pixels - trial.pixels),
            euclidean(rounded - trial.pixels),
            HALF_A_LEVEL * trial.pixels[0].numel() ** 0.5,
        ),
    ):
        if not torch.allclose(getattr(perturbation, name).float(), true, atol=1e-4):
            yield f"{name} is not the length of its change."
        with suppress(UsageError):  # a budget in words, or of another kind
            if attack.threat_model == name and bool((stated > number("budget", attack.budget) + slack).any()):
                yield f"it leaves its budget: {name} {float(stated.max()):.4g} in 8 bits, where {attack.budget} is allowed."
    fooled = torch.stack(
        [trial.scores(images, torch.arange(4)).argmax(1) != trial.gold for images in (perturbation.pixels, rounded)]
    )
    says_fooled = attack.needs != "nothing" and not getattr(attack, "targeted", None)
    if says_fooled and bool((fooled != perturbation.succeeded.cpu()).all(dim=0).any()):
        yield "succeeded must say whether a wrong candidate scores highest at its pixels, rounded or not."


def _on_texts(attack: Any) -> Iterator[str]:
    names = ("red", "blue", "green")
    texts = [f"Somebody painted a {name} wall in {2000 + len(name)}." for name in names]
    queries = [
        Query(f"q{name}", text, name, (19, 19 + len(name)), None, names) for name, text in zip(names, texts, strict=True)
    ]

    def objective(variants: Sequence[Query], gold: Sequence[str | None]) -> Tensor:
        return torch.tensor([float(query.text.count(str(right))) for query, right in zip(variants, gold, strict=True)])

    def edited(some: Sequence[Query], seed: int = 0) -> list[TextEdit]:
        seeds = [seed + names.index(query.id[1:]) for query in some]
        edits = attack.perturb(some, None if attack.needs == "nothing" else objective, [query.id[1:] for query in some], seeds)
        return list(edits)

    whole = edited(queries)
    if [getattr(edit, "id", None) for edit in whole] != [query.id for query in queries]:
        yield "perturb must return one robustmel.types.TextEdit per query, in the queries' order, each with its query's id."
        return
    yield from _repeats(whole, edited(queries), edited(queries, 100), attack)
    if whole != edited(queries[::-1])[::-1] or whole != [edited([query])[0] for query in queries]:
        yield "a text alone, or in another order, gives another result than in the batch."
    if any(edit.span and edit.text[slice(*edit.span)] != edit.surface for edit in whole):
        yield "the span of an edit does not match its surface in its text."
    if any(
        edit.changes and replayed(query.text, edit.changes) != edit.text for query, edit in zip(queries, whole, strict=True)
    ):
        yield "the changes it lists do not make its text of the original."


def _on_entities(attack: Any) -> Iterator[str]:
    kb = KnowledgeBase(
        Entity(f"e{number}", name, text=f"It is {name}.") for number, name in enumerate(("red", "blue", "green"))
    )
    queries = [Query(f"q{entity.id}", f"A {entity.name} wall.", entity.name, None, None, kb.ids) for entity in kb]

    def edited(seed: int = 0) -> list[EntityEdit]:
        return list(attack.perturb(queries, kb, list(kb.ids), [seed, seed + 1, seed + 2]))

    whole = edited()
    ids = [getattr(edit, "id", None) for edit in whole]
    if len(set(ids)) < len(ids) or not set(ids) <= set(kb.ids):
        yield "perturb must return robustmel.types.EntityEdit objects for distinct entities of the knowledge base."
        return
    yield from _repeats(whole, edited(), edited(100), attack)
    written = {part.name for part in fields(EntityEdit)} - {"id", "note"} - set(attack.writes)
    if any(getattr(edit, name) is not None for edit in whole for name in written):
        yield "it changes a field that its writes does not name."


def _repeats(whole: Sequence[object], again: Sequence[object], other: Sequence[object], attack: Any) -> Iterator[str]:
    if whole != again:
        yield "the same seeds give different edits; draw from seeds alone."
    elif whole != other and not getattr(attack, "random", False):
        yield "other seeds give other edits; an attack that draws declares random = True."
