"""Does the text help? Image and text together against the image alone, and against the text alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from robustmel.report.comparisons.comparison import Comparison, Figure, Subject
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring

TASKS = "IT2T against I2T"

CLEAN = Figure(
    "clean", "clean: text adds",
    "on clean images the text adds {} points", "on clean images the text takes {} points away",
    "on clean images the text changes nothing", "whether the text helps on clean images",
)  # fmt: skip
ATTACKED = Figure(
    "attacked", "attacked: text adds",
    "the text adds {} points to what the image alone keeps", "the text takes {} points from what the image alone keeps",
    "the text changes nothing", "whether the text helps",
)  # fmt: skip
SAME_IMAGES = Figure(
    "same-images", "on the same images",
    "on images made against the image alone the text adds {} points", "on images made against the image alone the text takes {} points",
    "on images made against the image alone the text changes nothing", "whether the text helps on images made against the image alone",
)  # fmt: skip
DAMAGE = Figure(
    "damage", "saved by the text",
    "the attack costs {} points less with it", "the attack costs {} points more with it",
    "the attack costs the same with and without it", "whether the attack costs less with it",
)  # fmt: skip
FLOOR = Figure(
    "floor", "above the text alone",
    "the attacked image is still worth {} points more than no image",
    "the attacked image does harm: the text alone links {} points more",
    "the attacked image is worth no more and no less than none", "whether the attacked image is worth more than none",
)  # fmt: skip

FIGURES = (CLEAN, ATTACKED, SAME_IMAGES, DAMAGE, FLOOR)


def context(scoring: Scoring, rows: list[Row]) -> Iterator[Comparison]:
    """Of every linker and attack that has both tasks.

    `attacked` is what the table shows: under Image+Text-to-Text a mention must withstand both images. `same-images` keeps to the
    images that Image-to-Text was judged by. `damage` is the difference in differences: what the attack costs the image alone, less
    what it costs image and text. `floor` is against the same linker's text-only task on clean data.
    """
    images = {row.cell: row for row in rows if row.cell.task == "I2T"}
    for row in (row for row in rows if row.cell.task == "IT2T"):
        alone = images.get(replace(row.cell, task="I2T"))
        if alone is None or row.first.candidates != alone.first.candidates or _mostly_failed(scoring, row, alone):
            continue
        subject = Subject("context", row.cell, row, TASKS, scoring.facts(row.first).clusters)
        made = _clean(subject, scoring, row, alone) if row.first.clean else _attacked(subject, scoring, row, alone)
        yield from (comparison for comparison in made if comparison is not None)


def _mostly_failed(scoring: Scoring, *rows: Row) -> bool:
    """Whether most mentions of one of them got no answer: a comparison would then speak of missing images, not of texts."""
    failed = [scoring.row(row).failed for row in rows]
    return any(part.size > 0 and part.mean() > 0.5 for part in failed)


def _clean(subject: Subject, scoring: Scoring, row: Row, alone: Row) -> Iterator[Comparison | None]:
    yield subject.compare(CLEAN, [scoring.row(row).credit], [scoring.row(alone).credit])


def _attacked(subject: Subject, scoring: Scoring, row: Row, alone: Row) -> Iterator[Comparison | None]:
    both, image, same = scoring.row(row), scoring.row(alone), scoring.row_against(row, "image")
    yield subject.compare(ATTACKED, [both.credit], [image.credit])
    if same is not None and scoring.row_against(row, "fused") is not None:
        yield subject.compare(SAME_IMAGES, [same.credit], [image.credit])
    clean_both, clean_image, text = scoring.clean(row), scoring.clean(alone), scoring.clean(row, "T2T")
    if clean_both is not None and clean_image is not None:
        yield subject.compare(DAMAGE, [clean_image.credit, both.credit], [image.credit, clean_both.credit])
    if text is not None:
        yield subject.compare(FLOOR, [both.credit], [text.credit])
