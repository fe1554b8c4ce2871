"""A plan: the cells of a grid, and the artefacts that their figures come from."""

from collections import Counter
from dataclasses import dataclass, field

from robustmel.run.components import ComponentSpec
from robustmel.run.grid import AttackSpec
from robustmel.run.jobs import Answers, Candidates, Job, Variant
from robustmel.types import Cell

SAMPLE = 20
"""Perturbed images of a set that `keep = "sample"` leaves."""

TURNS = ("candidates", "poison", "training", "variant", "answers")
"""What others need comes first."""


@dataclass(frozen=True)
class Evaluation:
    """One perturbed set (None is the clean one) and the answers to it; `name` is one of `views.views`."""

    name: str
    variant: Variant | None
    answers: Answers


@dataclass(frozen=True)
class PlannedCell:
    """A cell of the grid with the artefacts its figures come from."""

    cell: Cell
    attack: AttackSpec
    component: ComponentSpec
    white_box: bool
    candidates: Candidates
    evaluations: tuple[Evaluation, ...]


@dataclass
class Plan:
    """The cells of a grid and the artefacts they share."""

    cells: list[PlannedCell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def evaluations(self) -> list[Evaluation]:
        """Those of all cells."""
        return [evaluation for planned in self.cells for evaluation in planned.evaluations]

    @property
    def jobs(self) -> list[Job]:
        """Every artefact once, those that others need first."""
        jobs: dict[str, Job] = {}

        def add(job: Job) -> None:
            if job.key not in jobs:
                for need in job.needs:
                    add(need)
                jobs[job.key] = job

        for evaluation in self.evaluations:
            add(evaluation.answers)
        return sorted(jobs.values(), key=_turn)

    @property
    def consumers(self) -> Counter[str]:
        """Variant key -> the number of different sets of answers made from it."""
        pairs = {(evaluation.variant.key, evaluation.answers.key) for evaluation in self.evaluations if evaluation.variant}
        return Counter(variant for variant, _ in pairs)


def _turn(job: Job) -> tuple[int, int, str]:
    """Within a kind, what is made upon nothing first, and then one linker after the other, since few fit into memory at once."""
    model = job.made_on if isinstance(job, Variant) else job.victim.title if isinstance(job, Answers) else ""
    depth = len(job.beneath) if isinstance(job, Variant) else 0
    kind = "training" if job.kind == "poison" and job.needs else job.kind  # demonstrations of what is trained first
    return TURNS.index(kind), depth + (kind != job.kind), model
