"""The visual-attack paper's Figure 1: an attacked image, the object asked for, another question, and the first one with context."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robustmel.api import execute, load_dataset, load_linker
from robustmel.errors import ImageError
from robustmel.experiments.table_text import columns
from robustmel.experiments.visual.paper_tables import PAPER
from robustmel.images import decode
from robustmel.linkers.mllm.descriptors import describe
from robustmel.report import Report
from robustmel.report.statistics.shares import interval
from robustmel.run.grid import parse_grid
from robustmel.training.mllm import described
from robustmel.types import Entity

LINKER, DATASET = "llava-world", "world-news"
LIMIT, QUICK = 20, 4
ATTACK = "pgd-normal"


def named_share(written: str, entity: Entity) -> tuple[float, float]:
    """How many of the entity's colours, shapes and kind a reply names, and how many of the words of the reply are among them."""
    truth, reply = ({word.strip().lower() for word in text.split(",") if word.strip()} for text in (described(entity), written))
    both = len(truth & reply)
    return both / len(truth), both / len(reply) if reply else 0.0


def context_probe(limit: int | None, quick: bool, out: Path, store: Path, workers: int, device: str) -> Iterator[str]:
    """Attacks the image's score of `llava-world` by PGD at 8/255, asks all questions of both images, and gives the table as text."""
    grid = parse_grid(
        {
            "datasets": [DATASET], "linkers": [LINKER], "tasks": ["I2T", "IT2T"],
            "attacks": ["clean", {"name": "pgd", "strength": "normal", "view": "image"}],
            "limit": limit or (QUICK if quick else LIMIT),
        },
        "figure1",
    )  # fmt: skip
    report = execute(grid, out, store, workers, device).report
    by_cell = {(row.task, row.attack): row for row in report.summaries}
    n = max(row.n for row in report.summaries)
    rows: list[tuple[str, ...]] = [("question", "clean image", "attacked image")]
    rows.append(("its name, of the image alone (I2T)", *(_figure(by_cell[("I2T", attack)]) for attack in ("clean", ATTACK))))
    rows += _descriptions(report, device)
    rows.append(
        ("its name, with the sentence as context (IT2T)", *(_figure(by_cell[("IT2T", attack)]) for attack in ("clean", ATTACK)))
    )
    yield f"## {PAPER}, Figure 1: what an attack on the name does to other questions"
    yield ""
    yield f"{LINKER}, {n} mentions of {DATASET}, {ATTACK} against the score of the image alone; % with 95 % intervals, clustered by entity."
    yield ""
    yield from columns(rows)
    yield ""
    yield "The paper shows one image: the object is named wrongly, questions about other things are answered rightly, and so is the first once context is added."


def _descriptions(report: Report, device: str) -> list[tuple[str, str, str]]:
    """Colours, shapes and kind of object: the one other question that the embedded model was taught."""
    data = load_dataset(DATASET, "test")
    linker: Any = load_linker(LINKER, data, device=device)
    cells = {cell.attack: cell for cell in report.run.cells if cell.task == "I2T"}
    attacked = cells[ATTACK]
    pairs, entities = [], []
    for question in report.run.questions(attacked):
        made, before = report.run.picture(attacked.evaluations[-1], question.id), question.image
        if before is None or question.gold is None or question.gold not in data.kb:
            continue
        try:
            pairs.append((decode(before), decode(made if made is not None else before)))
        except ImageError:
            continue
        entities.append(data.kb[question.gold])
    shares = [
        np.array([named_share(reply, entity) for reply, entity in zip(describe(linker, list(side)), entities, strict=True)])
        for side in zip(*pairs, strict=True)
    ]
    names = ("its colours, shapes and kind: share of them named", "the same: share of the words written that are right")
    return [(name, *(_mean(side[:, place], entities) for side in shares)) for place, name in enumerate(names)]  # type: ignore[misc]


def _mean(shares: np.ndarray[Any, Any], entities: Sequence[Entity]) -> str:
    bounds = interval(shares[None], np.unique([entity.id for entity in entities], return_inverse=True)[1])
    return f"{100 * shares.mean():.1f}" + (f" [{100 * bounds.low:.0f}, {100 * bounds.high:.0f}]" if bounds else "")


def _figure(row: Any) -> str:
    return f"{100 * row.accuracy:.1f} [{100 * row.ci_low:.0f}, {100 * row.ci_high:.0f}]"
