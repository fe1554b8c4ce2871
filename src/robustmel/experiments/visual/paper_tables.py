"""Tables 2 to 4 of the visual-attack paper, row by row."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from statistics import fmean

PAPER = "Wang et al. (2026)"
RAW = "raw"
ATTACKS = ("pgd-n", "pgd-s", "apgd-n", "apgd-s", "cw-n", "cw-s")
RETLINK = "llm-retlink"
DUAL_ENCODERS = ("ALIGN", "BLIP", "CLIP", "FLAVA", "OWL-ViT", "SigLIP")
MLLMS = ("LLaVA", "Qwen2.5-VL", "MiniGPT-4")


@dataclass(frozen=True)
class PaperRow:
    """One linker on one data set in one task.

    Args:
        table: "table2", "table3" or "table4".
        dataset: As the paper calls it.
        linker: Likewise, without the star of its defence.
        defence: "none" or "llm-retlink".
        task: "i2t" or "it2t".
        accuracy: "raw" and each of `ATTACKS` -> percent.
    """

    table: str
    dataset: str
    linker: str
    defence: str
    task: str
    accuracy: Mapping[str, float]

    @property
    def raw(self) -> float:
        """Accuracy without an attack."""
        return self.accuracy[RAW]

    @property
    def attacked(self) -> tuple[float, ...]:
        """Under the six attacks."""
        return tuple(self.accuracy[attack] for attack in ATTACKS)

    @property
    def drop(self) -> float:
        """RAW less the mean under attack."""
        return self.raw - fmean(self.attacked)

    @property
    def kept(self) -> float:
        """The mean share of RAW that is left under attack."""
        return fmean(self.attacked) / self.raw


@cache
def paper_rows() -> tuple[PaperRow, ...]:
    """All 180 of them."""
    text = (files("robustmel.experiments.visual") / "visual_attacks.csv").read_text("utf-8")
    cells: dict[tuple[str, ...], dict[str, float]] = {}
    for line in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        key = tuple(line[name] for name in ("table", "dataset", "linker", "defence", "task"))
        cells.setdefault(key, {})[line["attack"]] = float(line["accuracy"])
    return tuple(PaperRow(*key, accuracy) for key, accuracy in cells.items())  # type: ignore[call-arg,arg-type]


def chosen(**wanted: str | Iterable[str]) -> list[PaperRow]:
    """The rows whose fields have these values; several values are alternatives."""
    values = {name: {value} if isinstance(value, str) else set(value) for name, value in wanted.items()}
    return [row for row in paper_rows() if all(getattr(row, name) in allowed for name, allowed in values.items())]


def paired(rows: Iterable[PaperRow]) -> list[tuple[PaperRow, PaperRow]]:
    """Each undefended row with the same one behind LLM-RetLink."""
    pairs = []
    for row in rows:
        if row.defence == "none":
            pairs += [(row, other) for other in chosen(dataset=row.dataset, linker=row.linker, task=row.task, defence=RETLINK)]
    return pairs


def repeated_rows() -> list[tuple[PaperRow, PaperRow]]:
    """Rows of one linker whose attacked figures are the same on two data sets, but for one cell at most."""
    return [
        (one, other)
        for one, other in combinations(paper_rows(), 2)
        if (one.linker, one.defence, one.task) == (other.linker, other.defence, other.task)
        and sum(mine != theirs for mine, theirs in zip(one.attacked, other.attacked, strict=True)) <= 1
    ]


def is_repeated(row: PaperRow) -> bool:
    """Whether the row's attacked figures stand in another row too."""
    return any(row in pair for pair in repeated_rows())
