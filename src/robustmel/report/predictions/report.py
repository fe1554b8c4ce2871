"""Outside predictions as a run of our own: the same rows, the same scoring, the same tables."""

import logging
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from robustmel.columnar import tables
from robustmel.errors import MissingError, UsageError
from robustmel.report.build import Report, report_on
from robustmel.report.metrics import accuracy
from robustmel.report.predictions.findings import Findings, claims, judged
from robustmel.report.predictions.published import PublishedSet, read_published
from robustmel.report.predictions.submission import Submission, read_submission
from robustmel.report.questions import QUESTIONS
from robustmel.report.results import ANSWERS, CANDIDATES, ENTITIES, LOG, Evaluation, ResultCell, Run
from robustmel.report.scoring import Scoring
from robustmel.types import Cell

log = logging.getLogger(__name__)


UNSAID = "does not name its set, so the set was not checked."


@dataclass(frozen=True)
class Matched:
    """A file and its set, and whether the file carries the set's hash (`checked`)."""

    submission: Submission
    published: PublishedSet
    clean: bool
    linker: str
    checked: bool


def matched(sets: Sequence[PublishedSet], perturbed: Sequence[Submission], clean: Sequence[Submission]) -> list[Matched]:
    """Finds the set of every file.

    Raises:
        UsageError: Two files say the same thing, a file says nothing and there are several sets, or a file belongs to no linker.
        MissingError: A file was made on another set.
    """
    matches = [_match(submission, sets, None) for submission in perturbed] + [
        _match(submission, sets, True) for submission in clean
    ]
    attacked = list(dict.fromkeys(match.linker for match in matches if not match.clean))
    if len(attacked) == 1:  # a clean file without a name belongs to the only linker there is
        matches = [
            replace(match, linker=attacked[0]) if match.clean and "linker" not in match.submission.header else match
            for match in matches
        ]
    seen: dict[tuple[object, ...], Path] = {}
    for match in matches:
        if match.clean and attacked and match.linker not in attacked:
            raise UsageError(
                f'{match.submission.path} names linker "{match.linker}", but the perturbed predictions name'
                f" {', '.join(attacked)}; give both files the same linker in their first lines."
            )
        set_hash = match.published.hashes.clean_set if match.clean else match.published.hashes.set
        place = (match.linker, match.submission.task, set_hash)
        if place in seen:
            raise UsageError(
                f"{seen[place]} and {match.submission.path} hold predictions of {match.linker}, {match.submission.task}, on one set; name"
                " the linkers in the files' first lines."
            )
        seen[place] = match.submission.path
    return matches


def _match(submission: Submission, sets: Sequence[PublishedSet], clean: bool | None) -> Matched:
    digest = submission.set
    if digest is None:
        if len({published.hashes.clean_set if clean else published.hashes.set for published in sets}) > 1:
            raise UsageError(
                f"{submission.path} does not say which of the {len(sets)} sets it answers; add a first line:"
                ' {"set": "...", "linker": "..."}, with the set or clean_set that perturbation.json beside the images states.'
            )
        return Matched(submission, sets[0], bool(clean), submission.linker, False)
    for published in sets:
        if digest == published.hashes.set and not clean:
            return Matched(submission, published, False, submission.linker, True)
        if digest == published.hashes.clean_set:
            return Matched(submission, published, True, submission.linker, True)
    known = ", ".join(
        f"{published.folder} is {published.hashes.set} (clean: {published.hashes.clean_set})" for published in sets
    )
    raise MissingError(f"{submission.path} answers the set {digest[:64]}, but {known}; predict on this set, or name that one.")


@dataclass(frozen=True)
class OutsideRun(Run):
    """A run whose tables were read from published sets and prediction files."""

    tables: dict[tuple[tuple[str, str], str], list[dict[str, Any]]] = field(default_factory=dict)
    manifests: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def manifest(self, kind: str, key: str | None) -> dict[str, Any]:
        """What a published set says of itself."""
        return self.manifests.get((kind, key or ""), {})

    def pictured(self, evaluation: Evaluation) -> Set[str]:
        """None: the clean images are not part of a published set."""
        return frozenset()

    def _rows(
        self, table: tuple[str, str], key: str, cell: ResultCell, columns: Collection[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        return iter(self.tables[table, key])

    def _parts(
        self, table: tuple[str, str], key: str, cell: ResultCell, columns: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        return tables(self.tables[table, key], QUESTIONS)


def outside_report(sets: Sequence[Path], predictions: Sequence[Path], clean: Sequence[Path]) -> tuple[Report, bool]:
    """Scores files of predictions on published sets.

    Args:
        sets: Folders that `robustmel perturb` wrote.
        predictions: Files on their perturbed images; on clean images too where a file carries that hash.
        clean: Files on clean images that need not say so.

    Returns:
        The report (its page goes into a folder called like the first file), and whether there was nothing to complain of.

    Raises:
        UsageError: It is not clear which file belongs to which set or linker.
        MissingError: A set or a file is unreadable, was changed, or is about another set.
    """
    published = [read_published(folder) for folder in sets]
    files = matched(published, [read_submission(path) for path in predictions], [read_submission(path) for path in clean])
    run = OutsideRun(predictions[0].with_suffix(""), sets[0], (), tuple(_cell(match) for match in files))
    findings_by_file = [_fill(run, match, cell) for match, cell in zip(files, run.cells, strict=True)]
    for match, cell, findings in zip(files, run.cells, findings_by_file, strict=True):
        claims(match.submission, len(match.published.questions), accuracy(Scoring(run).cell(cell)), findings)
    sentences = [sentence for findings in findings_by_file for sentence in findings.sentences()]
    for sentence in sentences:
        log.warning(sentence)
    notes = [*sentences, *_views(files)]
    return report_on(replace(run, notes=tuple(notes))), all(findings.sound for findings in findings_by_file)


def _views(files: Sequence[Matched]) -> list[str]:
    """A note for predictions that read image and text on images that attack the image's score alone."""
    sets = {
        match.published.attack
        for match in files
        if not match.clean and match.submission.task == "IT2T" and match.published.view == "image"
    }
    return [
        f"{attack}: these images attack the image's score alone, so Image+Text-to-Text may look more robust than under an attack"
        " on its own score (publish a set with --view fused)."
        for attack in sorted(sets)
    ]


def _cell(match: Matched) -> ResultCell:
    about, published = match.published.about, match.published
    answers = str(match.submission.path)
    clean = ResultCell(
        cell=Cell(str(about["dataset"]), match.submission.task, match.linker, seed=0),
        white_box=False,
        attack_name="clean",
        strength="",
        modality="none",
        threat_model="none",
        budget="",
        made_on=(),
        candidates=published.hashes.clean_set,
        evaluations=(Evaluation("clean", None, answers),),
    )
    if match.clean:
        return clean
    source = str(about.get("source_title") or "none")
    return replace(
        clean,
        cell=replace(clean.cell, source=source, source_linker=source, attack=published.attack),
        white_box=source == match.linker,  # the name is all that a file says of its linker
        attack_name=str(about["attack"]["name"]),
        strength=str(about.get("strength") or ""),
        modality=str(about.get("modality") or "image"),
        threat_model=str(about.get("threat_model") or ""),
        budget=str(about.get("budget") or ""),
        made_on=() if source == "none" else (source,),
        evaluations=(Evaluation(published.view, published.hashes.set, answers),),
    )


def _fill(run: OutsideRun, match: Matched, cell: ResultCell) -> Findings:
    """Puts what a file and its set say where the run's tables are."""
    findings = Findings(f"{match.submission.path.name} ({match.linker}, {cell.task}, {cell.attack})")
    if not match.checked:
        findings.remarks.append(UNSAID)
    published: PublishedSet = match.published
    run.tables[CANDIDATES, cell.candidates] = published.questions
    run.tables[ENTITIES, cell.candidates] = published.entities
    run.tables[LOG, published.hashes.set] = published.log
    run.manifests["variant", published.hashes.set] = published.about
    run.tables[ANSWERS, cell.evaluations[0].answers] = [
        {"id": row.id, "ranked": row.ranked, "scores": row.scores, "error": row.error, "seconds": 0.0}
        for row in judged(match.submission, published, findings)
    ]
    return findings
