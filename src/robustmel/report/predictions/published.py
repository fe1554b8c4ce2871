"""A published perturbed set, read back for scoring; its images are not opened."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.datasets.jsonl import JSONL
from robustmel.datasets.set_hashes import SetHashes, set_hashes
from robustmel.errors import MissingError

SAYS = "perturbation.json"
LOGGED = ("image", "succeeded", "succeeded_u8", "queries", "iterations", "zero_gradients", "note", "linf_u8", "l2_u8")
"""What a report reads of a log; a set may lack it."""
VIEWS = {"I2T": "image", "IT2T": "fused"}


@dataclass(frozen=True)
class PublishedSet:
    """A set.

    Args:
        folder: Where it lies.
        about: What `perturbation.json` says of it.
        hashes: What it is known by.
        ids: The data set's own mention id -> the opaque one.
        questions: Rows as a run has them in `candidates.parquet`.
        entities: Rows as in `entities.parquet`.
        log: Rows as in `log.parquet`.
    """

    folder: Path
    about: dict[str, Any]
    hashes: SetHashes
    ids: dict[str, str]
    questions: list[dict[str, Any]]
    entities: list[dict[str, Any]]
    log: list[dict[str, Any]]

    @property
    def attack(self) -> str:
        """As tables call it; sets from before that was kept are called like their attack."""
        return str(self.about.get("title") or self.about["attack"]["name"])

    @property
    def view(self) -> str:
        """Whose score its images were made against: "image" or "fused"."""
        return VIEWS.get(str(self.about.get("view")), "image")


def read_published(folder: Path) -> PublishedSet:
    """Reads a folder that `robustmel perturb` wrote.

    Raises:
        MissingError: It is no such folder, it was never completed, or it has been changed since.
    """
    about = _about(folder)
    hashes = set_hashes(folder, about["images"], about.get("modality", "image"))
    if about.get("set") not in (None, hashes.set):
        raise MissingError(
            f"{folder} was changed after it was published ({about['set']}, now {hashes.set}): mentions.jsonl, entities.jsonl or the"
            f" list of images in {SAYS} differ; get it again."
        )
    dataset = JSONL(folder).load()
    log = _log(folder)
    ids = {row["mention_id"]: row["id"] for row in log}
    if list(ids) != [mention.id for mention in dataset.mentions]:
        raise MissingError(f"{folder}/log.parquet does not match mentions.jsonl; get the set again.")
    clean = {row["id"]: row.get("clean_image") for row in log}
    questions = [
        {
            "id": ids[mention.id],
            "mention_id": mention.id,
            "gold": mention.gold,
            "surface": mention.surface,
            "text": mention.text,
            "image": clean[ids[mention.id]],
            "candidates": None if mention.candidates is None else list(mention.candidates),
            "gold_in_kb": mention.gold in dataset.kb,
            "cluster": mention.gold or f"NIL {mention.surface}",
            "split": mention.split,
        }
        for mention in dataset.mentions
    ]
    entities = [
        {"id": entity.id, "name": entity.name, "type": entity.type, "popularity": entity.popularity} for entity in dataset.kb
    ]
    return PublishedSet(folder, about, hashes, ids, questions, entities, log)


def _about(folder: Path) -> dict[str, Any]:
    path = folder / SAYS
    try:
        about = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as problem:
        raise MissingError(
            f"{folder} is not a published set (it has no {SAYS}); expected what robustmel perturb wrote."
        ) from problem
    except (OSError, ValueError) as problem:
        raise MissingError(f"{path} cannot be read: {problem}; get the set again.") from problem
    known = isinstance(about, dict) and isinstance(about.get("images", {}), dict) and isinstance(about.get("attack"), dict)
    if not known or not {"dataset", "attack"} <= about.keys():
        raise MissingError(f"{path} lacks what every published set states; get the set again.")
    if not about.get("complete") or "images" not in about:
        raise MissingError(f"{folder} is incomplete; run the robustmel perturb command again.")
    return dict(about)


def _log(folder: Path) -> list[dict[str, Any]]:
    try:
        rows = pq.ParquetFile(folder / "log.parquet").read(use_threads=False).to_pylist()
    except (OSError, pa.ArrowException) as problem:
        raise MissingError(f"{folder}/log.parquet cannot be read: {problem}; get the set again.") from problem
    if not all({"id", "mention_id", "status"} <= row.keys() for row in rows):
        raise MissingError(f"{folder}/log.parquet lacks id, mention_id or status; get the set again.")
    return [dict.fromkeys(LOGGED) | row for row in rows]
