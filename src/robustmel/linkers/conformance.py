"""Does a linker keep the contract? Every breach as one plain sentence."""

from __future__ import annotations

import inspect
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from robustmel.errors import RobustMELError
from robustmel.linkers import LINKERS
from robustmel.linkers.trial import trial_set
from robustmel.registry import own_parameters
from robustmel.types import TASKS, Prediction, Query, Task

TOLERANCE = 1e-4
"""By how much scores may differ between batch sizes: float sums depend on the shape of a matrix product."""

Check = Callable[[Any, Sequence[Query], Task], Iterator[str]]


def conformance(linker: str | type[Any], **parameters: Any) -> list[str]:
    """Tries a linker on a few drawn pictures and says what is wrong with it.

    Args:
        linker: A registered name, `path.py:Class`, or a class.
        parameters: For its constructor, where it needs any.

    Returns:
        Problems, one sentence each; empty when there are none.
    """
    try:
        kind = LINKERS.load(linker) if isinstance(linker, str) else linker
        problems = list(_declarations(kind))
        if problems:
            return problems
        given = LINKERS.parameters(linker, parameters) if isinstance(linker, str) else parameters
    except RobustMELError as problem:
        return [str(problem)]
    with tempfile.TemporaryDirectory(prefix="robustmel-trial-") as folder:
        kb, queries = trial_set(Path(folder))
        try:
            instance = kind(kb, **given)
        except RobustMELError as problem:
            return [str(problem)]
        except Exception as problem:  # a linker of anyone's may raise anything; the sentence says what
            return [f"it cannot be built over a knowledge base: {_told(problem)}"]
        return list(dict.fromkeys(told for task in kind.tasks for told in _tried(instance, queries, task)))


def _declarations(kind: type[Any]) -> Iterator[str]:
    """What can be seen without building it."""
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
        yield f"its constructor takes **kwargs; name its parameters ({', '.join(own_parameters(kind))}, ...), as grids set them by name."
    if callable(getattr(kind, "assets", None)) and not inspect.ismethod(kind.assets):
        yield "its assets must be a classmethod: they are asked for before it is built."


def _tried(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """All checks of one task; where the answers are not even well-formed, that alone."""
    problems = _safely(_answers, linker, queries, task)
    for check in (_is_steady, _reads_what_it_may, _scores_agree, _logits_agree) if not problems else ():
        problems += _safely(check, linker, queries, task)
    yield from (f"{task}: {problem}" for problem in problems)


def _safely(check: Check, linker: Any, queries: Sequence[Query], task: Task) -> list[str]:
    try:
        return list(check(linker, queries, task))
    except Exception as problem:  # as above
        return [_told(problem)]


def _told(problem: Exception) -> str:
    if isinstance(problem, AttributeError) and isinstance(problem.obj, Query):
        return (
            f"it reads query.{problem.name}, which no linker gets; a query has id, text, surface, span, image and candidates."
        )
    return f"it raises {type(problem).__name__}: {problem}"


def _answers(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """One well-formed prediction a query, in order."""
    found = linker.link(list(queries), task)
    if not isinstance(found, list) or not all(isinstance(one, Prediction) for one in found):
        yield "link must return a list of robustmel.types.Prediction."
        return
    if len(found) != len(queries):
        yield f"link gave {len(found)} predictions for {len(queries)} queries; every query gets one, if need be with error set."
        return
    if [one.id for one in found] != [query.id for query in queries]:
        yield "link must give predictions in the queries' order, each with its query's id."
        return
    for query, one in zip(queries, found, strict=True):
        yield from _well_formed(query, one)
    if all(one.error is not None for one in found):
        yield f'every query ended in an error, the first: "{found[0].error}".'
    pictureless = [replace(queries[0], image=None), queries[1]]
    blind = linker.link(pictureless, task)
    if task == "I2T" and blind[0].error is None:
        yield "a query without an image is answered from nothing; give Prediction(id, error='no_image') instead."
    if blind[1].error is not None:
        yield "one query without an image spoils its neighbour."


def _well_formed(query: Query, one: Prediction) -> Iterator[str]:
    strangers = set(one.ranked) - set(query.candidates)
    if strangers:
        yield f'it ranks "{min(strangers)}", which is not among the candidates.'
    if len(set(one.ranked)) < len(one.ranked):
        yield "it ranks an entity twice."
    if len(one.ranked) != len(one.scores):
        yield f"it ranks {len(one.ranked)} entities with {len(one.scores)} scores; give one score each."
    if not all(isinstance(score, (int, float)) and math.isfinite(score) for score in one.scores):
        yield "its scores must be finite numbers."
    elif list(one.scores) != sorted(one.scores, reverse=True):
        yield "its scores must descend: the best entity comes first."
    if one.error is not None and one.ranked:
        yield "a prediction with an error must rank nothing."


def _is_steady(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """The same whatever the repetition, the neighbours, the order of candidates and the id."""
    first = linker.link(list(queries), task)
    if not _same(first, linker.link(list(queries), task)):
        yield "asked twice, it answers differently; fix its randomness by a seed."
        return
    if not _same(first, [linker.link([query], task)[0] for query in queries]):
        yield "a query asked alone is answered differently than among others."
    if not _same(first, linker.link(list(queries)[::-1], task)[::-1]):
        yield "the order of the queries changes the answers."
    turned = [replace(query, candidates=query.candidates[::-1]) for query in queries]
    if not _same(first, linker.link(turned, task)):
        yield "the order of the candidates changes the scores; it means nothing."
    renamed = [replace(query, id=f"other{index}") for index, query in enumerate(queries)]
    if not _same(first, linker.link(renamed, task)):
        yield "the id of a query changes the answer; it says nothing about the mention."


def _reads_what_it_may(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """The image alone for I2T, the text alone for T2T."""
    if task == "I2T":
        altered = [replace(query, text="Something else altogether.", surface="else", span=None) for query in queries]
        if not _same(linker.link(list(queries), task), linker.link(altered, task)):
            yield "the text changes the answers; I2T may read the image alone."
    if task == "T2T":
        altered = [replace(query, image=None) for query in queries]
        if not _same(linker.link(list(queries), task), linker.link(altered, task)):
            yield "the image changes the answers; T2T may read the text alone."


def _same(some: Sequence[Prediction], others: Sequence[Prediction]) -> bool:
    """Equal errors, and equal scores for equal entities; ties may be listed in any order."""
    for one, other in zip(some, others, strict=True):
        scores, twin = (dict(zip(each.ranked, each.scores, strict=True)) for each in (one, other))
        if one.error != other.error or scores.keys() != twin.keys():
            return False
        if any(abs(score - twin[entity]) > TOLERANCE * max(1.0, abs(score)) for entity, score in scores.items()):
            return False
    return True


def _scores_agree(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    if callable(getattr(linker, "scores", None)):
        yield from _table_agrees("scores", linker.scores(list(queries), task), linker.link(list(queries), task), queries)


def _logits_agree(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """Differentiable down to the pixels, and the very scores link ranks by."""
    if not callable(getattr(linker, "logits", None)) or task == "T2T":
        return
    import torch

    from robustmel.images import decode

    if not isinstance(getattr(linker, "logit_scale", None), float):
        yield "it has logits but no attribute logit_scale: a float, 1.0 where it has no temperature."
    asked = list(queries[:4])
    pixels = torch.stack([torch.from_numpy(decode(query.image)) for query in asked if query.image]).permute(0, 3, 1, 2) / 255
    pixels = pixels.to(getattr(linker, "device", "cpu")).requires_grad_(True)
    logits = linker.logits(pixels, asked, task)
    yield from _table_agrees("logits", logits, linker.link(asked, task), asked)
    if not logits.requires_grad:
        yield "its logits carry no gradient to the pixels."
        return
    (gradient,) = torch.autograd.grad(logits.softmax(dim=1)[:, 0].sum(), pixels, allow_unused=True)
    if gradient is None or not bool(gradient.isfinite().all()):
        yield "the gradient of its logits does not reach the pixels, or is not finite."
    elif bool((gradient.abs().amax(dim=(1, 2, 3)) == 0).any()):
        yield "the gradient of its logits is zero everywhere for some image."


def _table_agrees(what: str, table: Any, found: Sequence[Prediction], queries: Sequence[Query]) -> Iterator[str]:
    longest = max(len(query.candidates) for query in queries)
    if tuple(getattr(table, "shape", ())) != (len(queries), longest):
        yield f"{what} must have one row a query and one column a candidate, up to the longest list."
        return
    for query, row, one in zip(queries, table.detach().tolist(), found, strict=True):
        if any(value != -math.inf for value in row[len(query.candidates) :]):
            yield f"{what} must hold minus infinity where a query has no more candidates."
        ranked = dict(zip(one.ranked, one.scores, strict=True))
        own = dict(zip(query.candidates, row, strict=False))
        if one.error is None and any(
            abs(own[entity] - score) > TOLERANCE * max(1.0, abs(score)) for entity, score in ranked.items()
        ):
            yield f"{what} are not what link ranks by."
