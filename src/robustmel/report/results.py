"""What a run left behind, read back: its cells from `run.json`, their rows from the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.types import Prediction

IMAGE_COLUMNS = ("image", "succeeded_u8", "iterations", "zero_gradients", "linf", "l2", "linf_u8", "l2_u8", "width", "height")
"""Columns of an image attack's log that flags and figures read."""

SCHEMA = 2
"""The version of `run.json` that is understood."""


@dataclass(frozen=True, slots=True)
class Question:
    """A mention as it was asked, with its answer.

    Args:
        id: Opaque id.
        gold: Id of the right entity; None means NIL.
        surface: The mention string.
        text: The sentence.
        image: Path of the clean image, None where the record names none.
        candidates: Entity ids that were to choose from.
        cluster: Mentions with the same value are about the same entity.
    """

    id: str
    gold: str | None
    surface: str
    text: str
    image: str | None
    candidates: tuple[str, ...]
    cluster: str


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """What slices are cut by: an entity's name, type (None where it has none) and popularity."""

    name: str
    type: str | None
    popularity: float


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a cell: a perturbed set (key None for the clean images) and the rows linked from it."""

    name: str
    variant: str | None
    rows: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the grid, as `run.json` names it; the last two fields are keys into the store."""

    dataset: str
    task: str
    linker: str
    source: str
    defence: str
    attack: str
    attack_name: str
    strength: str
    threat_model: str
    budget: str
    seed: int
    candidates: str
    views: tuple[View, ...]

    @property
    def title(self) -> str:
        """The cell in words, for messages."""
        return " ".join((self.dataset, self.task, self.linker, self.defence, self.attack, f"seed {self.seed}"))

    @property
    def clean(self) -> bool:
        """Whether nothing was perturbed."""
        return self.attack_name == "clean"


@dataclass(frozen=True)
class Run:
    """A run folder and the store its keys point into. Rows are read when asked for and checked against the questions.

    Args:
        out: The run folder.
        store: The store's root.
        notes: What the run itself had to remark upon.
        cells: In the order of the grid.
    """

    out: Path
    store: Path
    notes: tuple[str, ...]
    cells: tuple[Cell, ...]
    _questions: dict[str, tuple[Question, ...]] = field(default_factory=dict, repr=False, compare=False)

    def questions(self, cell: Cell) -> tuple[Question, ...]:
        """The mentions of a cell, in file order."""
        if cell.candidates not in self._questions:
            rows = self._table("candidates", cell.candidates, "candidates.parquet", cell)
            self._questions[cell.candidates] = tuple(_question(row) for row in rows)
        return self._questions[cell.candidates]

    def entities(self, cell: Cell) -> dict[str, EntityFacts]:
        """Entity id -> what is known of it, for the knowledge base behind a cell."""
        rows = self._table("candidates", cell.candidates, "entities.parquet", cell)
        return {row["id"]: EntityFacts(row["name"], row.get("type"), row.get("popularity") or 0.0) for row in rows}

    def names(self, cell: Cell) -> dict[str, str]:
        """Entity id -> name, for every entity a linker may answer with."""
        return {row["id"]: row["name"] for row in self._table("candidates", cell.candidates, "entities.parquet", cell)}

    def predictions(self, cell: Cell, view: View) -> list[Prediction]:
        """One prediction a question, in the questions' order.

        Raises:
            MissingError: The rows are absent, unreadable, or about other mentions than the questions.
        """
        rows = self._aligned(self._table("answers", view.rows, "answers.parquet", cell), cell, "answers")
        return [
            Prediction(row["id"], tuple(row["ranked"] or ()), tuple(row["scores"] or ()), row["error"], row["seconds"] or 0.0)
            for row in rows
        ]

    def log(self, cell: Cell, view: View) -> list[dict[str, Any]]:
        """The perturbed set's log, one row a question in their order; empty for a view without one.

        What only the log of an image attack says is None in that of another.
        """
        if view.variant is None:
            return []
        rows = self._aligned(self._table("variant", view.variant, "log.parquet", cell), cell, "log")
        return [dict.fromkeys(IMAGE_COLUMNS) | row for row in rows]

    def manifest(self, kind: str, key: str | None) -> dict[str, Any]:
        """What the stage noted that made an artefact; empty where there is none, or it says nothing."""
        try:
            body = json.loads((self._folder(kind, key) / "manifest.json").read_text("utf-8")) if key else {}
        except (OSError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}

    def picture(self, view: View, logged: Mapping[str, Any]) -> Path | None:
        """The perturbed image behind a log row, if there is one and it was kept."""
        if view.variant is None or not logged.get("image"):
            return None
        path = self._folder("variant", view.variant) / logged["image"]
        return path if path.is_file() else None

    def _folder(self, kind: str, key: str) -> Path:
        return self.store / kind / key[:2] / key

    def _table(self, kind: str, key: str, name: str, cell: Cell) -> list[dict[str, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder(kind, key) / name
        if not path.is_file():
            raise MissingError(
                f"the {kind} of cell {cell.title} are not in the store {self.store} ({key}); run the grid again into it, or name"
                " the right one with --store."
            )
        try:
            rows: list[dict[str, Any]] = pq.ParquetFile(path).read(use_threads=False).to_pylist()
        except (pa.ArrowException, OSError) as problem:
            raise MissingError(
                f"{path} of cell {cell.title} cannot be read ({problem}); delete its folder, run again."
            ) from problem
        return rows

    def _aligned(self, rows: list[dict[str, Any]], cell: Cell, what: str) -> list[dict[str, Any]]:
        """The rows in the questions' order; it is an error if they are about other mentions."""
        asked = [question.id for question in self.questions(cell)]
        found = {row["id"]: row for row in rows}
        if len(found) != len(rows) or found.keys() != set(asked):
            raise MissingError(
                f"the {what} of cell {cell.title} hold {len(rows)} mentions that are not the {len(asked)} asked; run the grid again."
            )
        return [found[one] for one in asked]


def read_run(out: Path, store_root: Path | None = None) -> Run:
    """Reads `run.json`.

    Args:
        out: The run folder.
        store_root: Where the artefacts are; None takes what the run folder says.

    Raises:
        MissingError: There is no such run folder, or it cannot be understood.
    """
    path = out / "run.json"
    try:
        body = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as problem:
        raise MissingError(f"{out} is no run folder (it has no run.json); name what a run was given as --out.") from problem
    except (OSError, ValueError) as problem:
        raise MissingError(f"{path} cannot be read: {problem}; run the grid again.") from problem
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise MissingError(f"{path} is not of schema {SCHEMA}; run the grid again with this version.")
    try:
        cells = tuple(_cell(row) for row in body["cells"])
        store = store_root if store_root is not None else out / body["store"]
    except (KeyError, TypeError) as problem:
        raise MissingError(f"{path} lacks {problem}; run the grid again.") from problem
    return Run(out, store, tuple(str(note) for note in body.get("notes", ())), cells)


def _cell(row: Mapping[str, Any]) -> Cell:
    views = tuple(View(view["name"], view["variant"], view["answers"]) for view in row["evaluations"])
    return Cell(views=views, **{name: row[name] for name in Cell.__slots__ if name != "views"})


def _question(row: Mapping[str, Any]) -> Question:
    return Question(
        id=row["id"],
        gold=row["gold"],
        surface=row["surface"] or "",
        text=row["text"] or "",
        image=row["image"],
        candidates=tuple(row["candidates"] or ()),
        cluster=row["cluster"] or "",
    )
