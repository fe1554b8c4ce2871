"""Tests whether a linker keeps the contract, one sentence per violation."""

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from robustmel.errors import RobustMELError, UsageError
from robustmel.linkers import LINKERS
from robustmel.linkers.contract import capabilities, lacks, violations
from robustmel.linkers.ranking import misordered, well_typed
from robustmel.linkers.trial import trial_set
from robustmel.types import Prediction, Query, Task

TOLERANCE = 1e-4
"""By how much scores may differ between batch sizes: float sums depend on the shape of a matrix product."""

OTHER_SEEDS = (1, 2, 3, 2**31, 2**40)
"""Seeds one of which must change some answer of a linker that draws."""

Check = Callable[[Any, Sequence[Query], Task], Iterator[str]]


def conformance(linker: str | type[Any], **parameters: Any) -> list[str]:
    """Tries a linker on a few drawn pictures and says what is wrong with it.

    Returns:
        Problems, one sentence each; empty when there are none.
    """
    try:
        with _trial(linker, parameters) as (instance, queries):
            return list(dict.fromkeys(problem for task in instance.tasks for problem in _tried(instance, queries, task)))
    except _NotBuiltError as problem:
        return list(problem.args)


def position_bias(linker: str | type[Any], **parameters: Any) -> dict[Task, float]:
    """How a linker depends on the order of candidates: the share of trial queries whose first answer changes when it is reversed.

    That is a fault of a linker that does not declare `random`, and a property, to be told, of one that does.

    Returns:
        Task -> share in [0, 1].

    Raises:
        UsageError: The linker cannot be built.
    """
    try:
        with _trial(linker, parameters) as (instance, queries):
            listed = [query for query in queries if len(query.listed) > 1]
            return {task: _position_bias(instance, listed, task) for task in instance.tasks}
    except _NotBuiltError as problem:
        raise UsageError(problem.args[0]) from problem


class _NotBuiltError(Exception):
    """What stands between a linker and its trial, one sentence an argument."""


@contextmanager
def _trial(linker: str | type[Any], parameters: Mapping[str, Any]) -> Iterator[tuple[Any, list[Query]]]:
    """The linker, built over the trial's knowledge base, and the queries."""
    with tempfile.TemporaryDirectory(prefix="robustmel-trial-") as folder:
        kb, queries = trial_set(Path(folder))
        try:
            kind = LINKERS.load(linker) if isinstance(linker, str) else linker
            if problems := list(violations(kind)):
                raise _NotBuiltError(*problems)
            given = LINKERS.parameters(linker, parameters) if isinstance(linker, str) else parameters
            try:
                if isinstance(linker, str):
                    capabilities(kind, given)
            except KeyError as absent:
                raise _NotBuiltError(f"{lacks(absent)}.") from absent
            instance = kind(kb, **given)
        except RobustMELError as problem:
            raise _NotBuiltError(str(problem)) from problem
        except _NotBuiltError:
            raise
        except (Exception, SystemExit) as problem:  # a linker of anyone's may raise anything; the sentence says what
            raise _NotBuiltError(f"it cannot be built over a knowledge base: {_sentence(problem)}") from problem
        yield instance, queries


def _tried(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """All checks of one task; where the answers are not even well-formed, that alone."""
    problems = _safely(_answers, linker, queries, task)
    for check in (_is_steady, _reads_what_it_may, _scores_agree, _logits_agree) if not problems else ():
        problems += _safely(check, linker, queries, task)
    yield from (f"{task}: {problem}" for problem in problems)


def _safely(check: Check, linker: Any, queries: Sequence[Query], task: Task) -> list[str]:
    try:
        return list(check(linker, queries, task))
    except (Exception, SystemExit) as problem:  # as above
        return [_sentence(problem)]


def _sentence(problem: BaseException) -> str:
    if isinstance(problem, AttributeError) and isinstance(problem.obj, Query):
        return f"it reads query.{problem.name}, which does not exist; a query has id, text, surface, span, image, candidates, labels and seed."
    return f"it raises {type(problem).__name__}: {problem}"


def _answers(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """One well-formed prediction a query, in order."""
    try:
        answers = _linked(linker, queries, task)
    except RobustMELError as problem:
        yield str(problem)
        return
    if len(answers) != len(queries):
        yield f"link gave {len(answers)} predictions for {len(queries)} queries; give one per query, with error set if there is no answer."
        return
    if [answer.id for answer in answers] != [query.id for query in queries]:
        yield "link must give predictions in the queries' order, each with its query's id."
        return
    for query, answer in zip(queries, answers, strict=True):
        yield from _well_formed(query, answer)
    if all(answer.error is not None for answer in answers):
        yield f'every query ended in an error, the first: "{answers[0].error}".'
    pictureless = [replace(queries[0], image=None), queries[1]]
    blind = _linked(linker, pictureless, task)
    if task == "I2T" and blind[0].error is None:
        yield "it answers a query without an image; give Prediction(id, error='no_image') instead."
    if blind[1].error is not None:
        yield "a query without an image breaks the answers of others."


def _linked(linker: Any, queries: Sequence[Query], task: Task) -> list[Prediction]:
    return well_typed(linker.link(list(queries), task))


def _well_formed(query: Query, answer: Prediction) -> Iterator[str]:
    strangers = set(answer.ranked) - set(query.listed)
    if strangers:
        yield f'it ranks "{min(strangers)}", which is not among the candidates.'
    if len(set(answer.ranked)) < len(answer.ranked):
        yield "it ranks an entity twice."
    if len(answer.ranked) != len(answer.scores):
        yield f"it ranks {len(answer.ranked)} entities with {len(answer.scores)} scores; give one score each."
    if not all(map(math.isfinite, answer.scores)):
        yield "its scores must be finite numbers."
    elif misordered(answer.scores):
        yield "its scores must descend: the highest counts as the best; negate distances."
    if answer.error is not None and answer.ranked:
        yield "a prediction with an error must rank nothing."


def _is_steady(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """The same whatever the repetition, the neighbours, the id, and the order of candidates unless it draws; then by its seed."""
    draws = capabilities(linker).random
    first = _linked(linker, queries, task)
    if not _same(first, _linked(linker, queries, task)):
        if draws:
            yield "it answers the same Query.seed differently the second time; draw from query.seed alone."
        else:
            yield "it answers the same query differently the second time; if it draws, declare random = True and draw from query.seed."
        return
    if not _same(first, [_linked(linker, [query], task)[0] for query in queries]):
        yield "it answers a query differently alone than in a batch."
    if not _same(first, _linked(linker, queries[::-1], task)[::-1]):
        yield "the order of the queries changes the answers."
    if not draws and not _same(first, _linked(linker, [_reversed(query) for query in queries], task)):
        yield "the order of the candidates changes the scores, but must not matter; a linker that draws declares random = True."
    renamed = [replace(query, id=f"other{index}") for index, query in enumerate(queries)]
    if not _same(first, _linked(linker, renamed, task)):
        yield "the id of a query changes the answer, but says nothing about the mention."
    others = ([replace(query, seed=seed) for query in queries] for seed in OTHER_SEEDS)
    differs = any(not _same(first, _linked(linker, reseeded, task)) for reseeded in others)
    if draws and not differs:
        yield f"it declares random = True, yet {len(OTHER_SEEDS)} other values of Query.seed change nothing; it must draw from it."
    if differs and not draws:
        yield "Query.seed changes the answers; a linker that draws declares random = True."


def _reversed(query: Query) -> Query:
    return replace(query, candidates=query.listed[::-1])


def _position_bias(linker: Any, queries: Sequence[Query], task: Task) -> float:
    pairs = zip(_linked(linker, queries, task), _linked(linker, [_reversed(query) for query in queries], task), strict=True)
    changed: int = sum(answer.ranked[:1] != turned.ranked[:1] for answer, turned in pairs)
    return changed / len(queries)


def _reads_what_it_may(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """The image alone for I2T, the text alone for T2T."""
    if task == "I2T":
        altered = [replace(query, text="Something else altogether.", surface="else", span=None) for query in queries]
        if not _same(_linked(linker, queries, task), _linked(linker, altered, task)):
            yield "the text changes the answers; I2T may read the image alone."
    if task == "T2T":
        altered = [replace(query, image=None) for query in queries]
        if not _same(_linked(linker, queries, task), _linked(linker, altered, task)):
            yield "the image changes the answers; T2T may read the text alone."


def _same(some: Sequence[Prediction], others: Sequence[Prediction]) -> bool:
    """Equal errors, and equal scores for equal entities; ties may be listed in any order."""
    for answer, other in zip(some, others, strict=True):
        scores, twin = (dict(zip(side.ranked, side.scores, strict=True)) for side in (answer, other))
        if answer.error != other.error or scores.keys() != twin.keys():
            return False
        if any(abs(score - twin[entity]) > TOLERANCE * max(1.0, abs(score)) for entity, score in scores.items()):
            return False
    return True


def _scores_agree(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    if callable(getattr(linker, "scores", None)):
        import torch

        table = torch.as_tensor(linker.scores(list(queries), task))
        yield from _table_agrees("scores", table, _linked(linker, queries, task), queries)


def _logits_agree(linker: Any, queries: Sequence[Query], task: Task) -> Iterator[str]:
    """Differentiable down to the pixels, and the very scores link ranks by."""
    if not callable(getattr(linker, "logits", None)) or task == "T2T":
        return
    import torch

    from robustmel.images import decode
    from robustmel.linkers.gradient_check import gradient_problems

    if not isinstance(getattr(linker, "logit_scale", None), float):
        yield "it has logits but no attribute logit_scale: a float, 1.0 where it has no temperature."
    some = list(queries[:4])
    pixels = torch.stack([torch.from_numpy(decode(query.image)) for query in some if query.image]).permute(0, 3, 1, 2) / 255
    pixels = pixels.to(getattr(linker, "device", "cpu"))
    yield from _table_agrees("logits", linker.logits(pixels, some, task), _linked(linker, some, task), some)
    yield from gradient_problems(linker.logits, pixels, some, task)


def _table_agrees(what: str, table: Any, answers: Sequence[Prediction], queries: Sequence[Query]) -> Iterator[str]:
    longest = max(len(query.listed) for query in queries)
    if tuple(getattr(table, "shape", ())) != (len(queries), longest):
        yield f"{what} must have one row per query and one column per candidate of the longest list."
        return
    for query, row, answer in zip(queries, table.detach().tolist(), answers, strict=True):
        if any(value != -math.inf for value in row[len(query.listed) :]):
            yield f"{what} must hold minus infinity beyond the candidates of a query."
        ranked = dict(zip(answer.ranked, answer.scores, strict=True))
        score_of = dict(zip(query.listed, row, strict=False))
        if answer.error is None and any(
            abs(score_of[entity] - score) > TOLERANCE * max(1.0, abs(score)) for entity, score in ranked.items()
        ):
            yield f"{what} contradict the ranking of link."
