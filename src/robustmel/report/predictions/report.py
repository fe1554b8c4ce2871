"""Outside predictions as a run of our own: the same rows, the same scoring, the same tables."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from robustmel.report.build import Report, report_on
from robustmel.report.metrics import accuracy
from robustmel.report.predictions.findings import Findings, claims, judged
from robustmel.report.predictions.match import UNSAID, Matched, matched
from robustmel.report.predictions.published import PublishedSet, read_published
from robustmel.report.predictions.submission import read_submission
from robustmel.report.results import ANSWERS, CANDIDATES, ENTITIES, LOG, Evaluation, ResultCell, Run
from robustmel.report.scoring import Scoring
from robustmel.types import Cell

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OutsideRun(Run):
    """A run whose tables were read from published sets and prediction files."""

    tables: dict[tuple[tuple[str, str], str], list[dict[str, Any]]] = field(default_factory=dict)
    manifests: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def manifest(self, kind: str, key: str | None) -> dict[str, Any]:
        """What a published set says of itself."""
        return self.manifests.get((kind, key or ""), {})

    def picture(self, evaluation: Evaluation, logged: Any) -> Path | None:
        """None: the clean images are not part of a published set."""
        return None

    def _rows(self, table: tuple[str, str], key: str, cell: ResultCell) -> Iterator[dict[str, Any]]:
        return iter(self.tables[table, key])


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
