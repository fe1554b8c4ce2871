"""What a run left behind, read back: its cells from `run.json`, their rows from the store."""

import json
from collections.abc import Collection, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa

from robustmel.columnar import ROWS, Columnar
from robustmel.errors import MissingError
from robustmel.images import is_there
from robustmel.report.questions import QUESTIONS, EntityFacts, Question, question
from robustmel.report.record import AttackRecord
from robustmel.run.store import Store
from robustmel.types import Cell, Prediction, Usage

IMAGE_COLUMNS = ("image", "succeeded_u8", "iterations", "zero_gradients", "linf", "l2", "linf_u8", "l2_u8", "width", "height")
"""Columns of an image attack's log that flags and figures read."""

CONTROLS = frozenset({"none", "noise", "corruption"})
"""Threat models that are nobody's attack and belong in no worst case: clean images, random noise, natural corruptions."""

CANDIDATES = ("candidates", "candidates.parquet")
ENTITIES = ("candidates", "entities.parquet")
ANSWERS = ("answers", "answers.parquet")
LOG = ("variant", "log.parquet")
"""Kind and file of the artefacts that a report reads."""

SCHEMA = 2
"""The version of `run.json` that is understood."""


@dataclass(frozen=True, slots=True)
class PlacedPrediction(Prediction):
    """A prediction read back: the first of a long ranking, and where the gold entity came out in the whole of it.

    Args:
        above: Entities that score higher than the gold one; None where it was not ranked, or nobody counted.
        tied: Entities that score as high, the gold one among them.
    """

    above: int | None = None
    tied: int | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One perturbed set and the answers to it, as keys into the store.

    Args:
        name: What was attacked: "image", "fused", "text" or "knowledge"; "clean"; "untouched" where the attack leaves alone all
            that the task reads, so that the answers are the clean ones.
        variant: The perturbed set; None for the clean one.
        answers: What the linker answered.
    """

    name: str
    variant: str | None
    answers: str


@dataclass(frozen=True, slots=True)
class ResultCell(AttackRecord):
    """A cell of the grid for one seed, as `run.json` has it.

    Args:
        attack_name: Of the attack in the registry.
        strength: "normal", "strong" or "".
        modality: What it perturbs: "image", "text", "knowledge"; "image + text" for two; "none" when clean.
        threat_model: What it may do ("linf").
        budget: How much of it ("8/255").
        made_on: Titles of the linkers it asked.
        candidates: Key of the mentions.
        evaluations: A mention must withstand all of them.
    """

    attack_name: str
    strength: str
    modality: str
    threat_model: str
    budget: str
    made_on: tuple[str, ...]
    candidates: str
    evaluations: tuple[Evaluation, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was perturbed."""
        return self.attack_name == "clean"

    @property
    def untouched(self) -> bool:
        """Whether the attack leaves alone all that the task reads."""
        return all(evaluation.name == "untouched" for evaluation in self.evaluations)

    @property
    def attacked(self) -> bool:
        """Whether somebody meant to fool the linker here: neither clean, nor noise or corruption, nor untouched."""
        return self.threat_model not in CONTROLS and not self.untouched


@dataclass(frozen=True)
class Run:
    """A run folder and the store its keys point into. Rows are read when asked for and checked against the questions.

    Args:
        out: The run folder.
        store: The store's root.
        notes: What the run itself had to remark upon.
        cells: In the order of the grid.
        trained: Titles of the linkers that the grid trained.
    """

    out: Path
    store: Path
    notes: tuple[str, ...]
    cells: tuple[ResultCell, ...]
    trained: frozenset[str] = frozenset()
    _questions: dict[str, Columnar[Question]] = field(default_factory=dict, repr=False, compare=False)

    def questions(self, cell: ResultCell) -> Columnar[Question]:
        """The mentions of a cell, in file order."""
        if cell.candidates not in self._questions:
            parts = self._parts(CANDIDATES, cell.candidates, cell)
            self._questions[cell.candidates] = Columnar.of(parts, QUESTIONS, question)
        return self._questions[cell.candidates]

    def entities(self, cell: ResultCell) -> dict[str, EntityFacts]:
        """Entity id -> what is known of it, for the knowledge base behind a cell."""
        rows = self._rows(ENTITIES, cell.candidates, cell)
        return {row["id"]: EntityFacts(row["name"], row.get("type"), row.get("popularity") or 0.0) for row in rows}

    def names(self, cell: ResultCell) -> dict[str, str]:
        """Entity id -> name, for every entity a linker may answer with."""
        return {entity: facts.name for entity, facts in self.entities(cell).items()}

    def described(self, cell: ResultCell, ids: Set[str]) -> dict[str, tuple[str, str]]:
        """Entity id -> name and description (or type), for some of the knowledge base behind a cell."""
        rows = self._rows(ENTITIES, cell.candidates, cell)
        return {row["id"]: (row["name"], row.get("description") or row.get("type") or "") for row in rows if row["id"] in ids}

    def predictions(self, cell: ResultCell, evaluation: Evaluation) -> list[Prediction]:
        """One prediction a question, in the questions' order."""
        return list(self.answers(cell, evaluation))

    def answers(self, cell: ResultCell, evaluation: Evaluation) -> Iterator[Prediction]:
        """The same, one after the other: a long ranking is held no longer than it is looked at.

        Raises:
            MissingError: The rows are absent, unreadable, or about other mentions than the questions.
        """
        for row in self._aligned(ANSWERS, evaluation.answers, cell):
            yield PlacedPrediction(
                id=row["id"],
                ranked=tuple(row["ranked"] or ()),
                scores=tuple(row["scores"] or ()),
                error=row["error"],
                seconds=row["seconds"] or 0.0,
                usage=Usage(*(row.get(name) or 0 for name in ("calls", "tokens_read", "tokens_written"))),
                above=row.get("above"),
                tied=row.get("tied"),
                demos=None if row.get("demos") is None else tuple(row["demos"]),
            )

    def log(self, cell: ResultCell, evaluation: Evaluation, columns: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """The perturbed set's log, one row a question in their order, one after the other; none for an evaluation without one.

        What only the log of an image attack says is None in that of another.

        Args:
            cell: The cell.
            evaluation: One of its evaluations.
            columns: Those that are read, "id" always; None reads all.
        """
        rows = self._aligned(LOG, evaluation.variant, cell, columns) if evaluation.variant is not None else ()
        blank = {name: None for name in IMAGE_COLUMNS if columns is None or name in columns}
        return (blank | row for row in rows)

    def manifest(self, kind: str, key: str | None) -> dict[str, Any]:
        """What the stage noted that made an artefact; empty where there is none, or it says nothing."""
        return Store(self.store).manifest(kind, key) if key else {}

    def pictured(self, evaluation: Evaluation) -> Set[str]:
        """Ids of the mentions whose perturbed image was kept."""
        if evaluation.variant is None or self.manifest("variant", evaluation.variant).get("modality", "image") != "image":
            return frozenset()
        with suppress(FileNotFoundError):
            return {path.stem for path in self._picture(evaluation, "").parent.iterdir()}
        return frozenset()

    def picture(self, evaluation: Evaluation, mention: str) -> Path | None:
        """The perturbed image of the mention of that id, if there is one and it was kept."""
        if evaluation.variant is None or not (path := self._picture(evaluation, mention)).is_file():
            return None
        return path

    def _picture(self, evaluation: Evaluation, mention: str) -> Path:
        return Store(self.store).path("variant", str(evaluation.variant)) / "images" / f"{mention}.png"

    def _rows(
        self, table: tuple[str, str], key: str, cell: ResultCell, columns: Collection[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows of a table, a few at a time as Python objects."""
        for part in self._parts(table, key, cell, columns):
            yield from part.to_pylist()

    def _parts(
        self, table: tuple[str, str], key: str, cell: ResultCell, columns: Collection[str] | None = None
    ) -> Iterator[pa.Table]:
        """A table, or "id" and such of these columns as it has, a few rows at a time."""
        import pyarrow.parquet as pq

        kind, name = table
        path = Store(self.store).sound(kind, key, f"the {kind} of cell {cell.cell.title}") / name
        try:
            names = None if columns is None else ["id", *columns]
            for batch in pq.ParquetFile(path).iter_batches(ROWS, columns=names, use_threads=False):
                yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError) as problem:
            raise MissingError(f"{path} of cell {cell.cell.title} cannot be read ({problem}).") from problem

    def _aligned(
        self, table: tuple[str, str], key: str, cell: ResultCell, columns: Collection[str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """The rows in the questions' order; it is an error if they are about other mentions."""
        questions = self.questions(cell)
        for place, (mention, row) in enumerate(zip_longest(questions.column("id"), self._rows(table, key, cell, columns))):
            if row is None or row["id"] != mention:
                asked = list(questions.column("id"))
                by_id = {row["id"]: row for row in self._rows(table, key, cell, columns)}
                if by_id.keys() != set(asked) or sum(1 for _ in self._rows(table, key, cell, ())) != len(asked):
                    raise MissingError(
                        f"the {table[0]} of cell {cell.cell.title} hold {len(by_id)} mentions that are not the {len(asked)} asked; run the"
                        " grid again."
                    )
                yield from (by_id[mention] for mention in asked[place:])
                return
            yield row


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
        if path.exists() and not is_there(path):  # a pipe or a device would be read for ever
            raise OSError("it is not a file")
        body = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as problem:
        raise MissingError(
            f"{out} is not a run folder (it has no run.json); give the folder that a run got as --out."
        ) from problem
    except (OSError, ValueError, RecursionError) as problem:
        raise MissingError(f"{path} cannot be read: {problem}; run the grid again.") from problem
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise MissingError(f"{path} is not of schema {SCHEMA}; run the grid again with this version.")
    try:
        cells = tuple(_cell(row) for row in list[Any](body["cells"]))
        store = store_root if store_root is not None else out / body["store"]
        trained = frozenset[str](body.get("grid", {}).get("trained", ()))
    except (AttributeError, KeyError, TypeError) as problem:
        raise MissingError(f"{path} cannot be understood ({problem}); run the grid again.") from problem
    return Run(out, store, tuple(str(note) for note in body.get("notes", ())), cells, trained)


def _cell(row: Mapping[str, Any]) -> ResultCell:
    parts = {field.name: row[field.name] for field in fields(ResultCell) if field.name != "cell"}
    parts["made_on"] = tuple(parts["made_on"])
    parts["evaluations"] = tuple(Evaluation(part["name"], part["variant"], part["answers"]) for part in parts["evaluations"])
    texts = [parts[field.name] for field in fields(ResultCell) if field.type is str]
    texts += [text for part in parts["evaluations"] for text in (part.name, part.answers, part.variant or "")]
    if not parts["evaluations"] or not all(isinstance(text, str) for text in texts):
        raise TypeError("a cell without its artefacts")
    return ResultCell(Cell(**{field.name: row[field.name] for field in fields(Cell)}), **parts)
