"""Predictions from anywhere, scored as those of a run are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.images import file_digest, is_there
from robustmel.report import metrics
from robustmel.report.credit import credited
from robustmel.report.questions import Question, clusters
from robustmel.report.statistics import UNKNOWN, interval
from robustmel.types import Prediction, opaque_id


@dataclass(frozen=True)
class Score:
    """How often predictions are right; shares in [0, 1], None of nothing.

    Args:
        n: Mentions, all of them.
        accuracy: Share linked correctly; ties share, failures count as wrong.
        ci_low, ci_high: Bounds of its 95 % interval, clustered by entity and image.
        mrr: Mean reciprocal rank of the right entity.
        errors: Mentions without an answer.
    """

    n: int
    accuracy: float | None
    ci_low: float | None
    ci_high: float | None
    mrr: float | None
    errors: int


def score(predictions: Sequence[Prediction], data: Dataset) -> Score:
    """Scores one prediction a mention, by the opaque ids that `Mention.query` gives or by the data set's own.

    Raises:
        UsageError: A mention has no prediction, or two.
    """
    answered = {prediction.id: prediction for prediction in predictions}
    opaque = {mention.id: opaque_id(data.name, mention.id) for mention in data.mentions}
    missing = [mention.id for mention in data.mentions if mention.id not in answered and opaque[mention.id] not in answered]
    if missing or len(answered) != len(predictions) or len(predictions) != len(data.mentions):
        what = f"mention {missing[0]} has none" if missing else "some are of other mentions, or given twice"
        raise UsageError(f"{len(predictions)} predictions for {len(data.mentions)} mentions: {what}; give one a mention.")
    ordered = [answered.get(mention.id) or answered[opaque[mention.id]] for mention in data.mentions]
    if data.merged:  # an answer under an id that was merged is the same answer
        ordered = [replace(part, ranked=[data.merged.get(entity, entity) for entity in part.ranked]) for part in ordered]
    credit = credited([mention.gold for mention in data.mentions], ordered)
    asked = [
        Question(
            mention.id, mention.gold, mention.surface, mention.text, None if mention.image is None else str(mention.image), (),
            mention.gold or f"NIL {mention.surface}",
            image_digest=file_digest(mention.image) if mention.image and is_there(mention.image) else None,
        )
        for mention in data.mentions
    ]  # fmt: skip
    low, high = interval(credit.credit, clusters(asked)) or UNKNOWN
    return Score(
        len(ordered), metrics.accuracy(credit), low, high, metrics.mean_reciprocal_rank(credit), metrics.errors(credit)
    )
