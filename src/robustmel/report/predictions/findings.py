"""Faults and oddities of a file of predictions, counted, with the first few named."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from robustmel.report.predictions.published import PublishedSet
from robustmel.report.predictions.submission import Answer, Submission
from robustmel.report.sanitise import visible
from robustmel.types import Prediction

MISSING, TWICE = "missing", "answered_twice"
"""Errors of mentions that a file does not answer, or answers in two ways."""
NAMED = 3
"""Ids named in a sentence."""
ROUNDED = 0.0006
"""A claimed accuracy may differ by so much: three decimals, rounded either way."""

WORDS = {
    MISSING: "mentions are not answered; they count as wrong",
    TWICE: "mentions are answered in two ways; they count as wrong",
    "unknown": "ids are not mentions of this set; they are ignored",
    "nan": "mentions have a score that is not a number; they count as wrong",
    "outside": "mentions rank entities outside their candidates",
    "strangers": "mentions rank entities that are not in the knowledge base",
    "repeated": "mentions rank an entity twice; its higher score counts",
    "unsorted": "mentions have scores that contradict the order of the ids; the scores count",
}
"""Kind -> what is said of that many, in the order in which it is said."""


class Findings:
    """Collects ids by kind."""

    def __init__(self, where: str) -> None:
        self.where = visible(where)
        self.found: defaultdict[str, list[str]] = defaultdict(list)
        self.remarks: list[str] = []
        self.contradicted = False

    def add(self, kind: str, ids: Iterable[str]) -> None:
        """Notes ids."""
        self.found[kind] += ids

    def contradict(self, sentence: str) -> None:
        """Notes a claim that does not hold."""
        self.contradicted = True
        self.remarks.append(sentence)

    @property
    def sound(self) -> bool:
        """Whether nothing was found that touches a figure."""
        return not self.contradicted and not any(self.found.values())

    def sentences(self) -> Iterator[str]:
        """One a kind, the gravest first, then what else was said."""
        for kind, words in WORDS.items():
            ids = self.found[kind]
            if ids:
                first = ", ".join(visible(entry)[:40] for entry in ids[:NAMED]) + (", ..." if len(ids) > NAMED else "")
                yield f"{self.where}: {len(ids):,} {words} ({first})."
        yield from (f"{self.where}: {sentence}" for sentence in self.remarks)


def judged(submission: Submission, published: PublishedSet, findings: Findings) -> list[Prediction]:
    """One prediction a mention of the set, in its order, whatever the file holds; what was wrong goes into the findings."""
    findings.add("unknown", [mention for mention in submission.answers if mention not in published.ids])
    known = {row["id"] for row in published.entities}
    made = []
    for row in published.questions:
        answers = submission.answers.get(row["mention_id"], [])
        _remark(row["mention_id"], answers, set(row["candidates"] or ()), known, findings)
        made.append(_prediction(row["id"], answers))
    ranks = [len(prediction.ranked) for prediction in made if prediction.error is None]
    if ranks and max(ranks) == 1:
        findings.remarks.append("each mention ranks a single entity, so hits@k and MRR see no second place.")
    return made


def _prediction(opaque: str, answers: Sequence[Answer]) -> Prediction:
    if len(answers) != 1:
        return Prediction(opaque, error=TWICE if answers else MISSING)
    (answer,) = answers
    scores = answer.scores if answer.scores is not None else tuple(float(-rank) for rank in range(len(answer.ranked)))
    return Prediction(opaque, answer.ranked, scores, answer.error)


def _remark(mention: str, answers: Sequence[Answer], candidates: set[str], known: set[str], findings: Findings) -> None:
    if len(answers) != 1:
        findings.add(TWICE if answers else MISSING, [mention])
        return
    (answer,) = answers
    if answer.scores is not None and any(map(math.isnan, answer.scores)):
        findings.add("nan", [mention])
    elif answer.scores is not None and any(earlier < later for earlier, later in pairwise(answer.scores)):
        findings.add("unsorted", [mention])
    ranked = set(answer.ranked)
    if len(ranked) < len(answer.ranked):
        findings.add("repeated", [mention])
    if not ranked <= known:
        findings.add("strangers", [mention])
    elif candidates and not ranked <= candidates:
        findings.add("outside", [mention])


def claims(submission: Submission, n: int, accuracy: float | None, findings: Findings) -> None:
    """Compares what a file claims in its header with what was found."""
    claimed, of = submission.header.get("accuracy"), submission.header.get("n")
    if claimed is not None and not 0 <= claimed <= 1:
        findings.contradict(f"claims an accuracy of {claimed:g}; it must lie between 0 and 1 (83.2 % is 0.832).")
    elif claimed is not None and (accuracy is None or abs(claimed - accuracy) > ROUNDED):
        computed = "n/a" if accuracy is None else f"{accuracy:.4f}"
        findings.contradict(f"claims an accuracy of {claimed:g}; the computed one is {computed}.")
    if of is not None and of != n:
        findings.contradict(f"claims {of:g} mentions; the set has {n:,}, and all count.")
