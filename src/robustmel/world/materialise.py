"""The world's data sets as folders in the project's own format, made once and kept in the user's cache."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from robustmel.errors import MissingError
from robustmel.images import write_png
from robustmel.world.captions.templates import template_file
from robustmel.world.knowledge_base import world_knowledge_base
from robustmel.world.mentions import WorldMention, world_mentions
from robustmel.world.scenes import FAMILIES, draw_scene

VERSION = 1
"""Raised whenever a mention or a pixel of the world changes."""

_ABANDONED = 24 * 3600
"""Seconds after which an unfinished folder is taken for the remains of a killed process."""


def materialised(dataset: str, split: str, cache: Path | None = None) -> Path:
    """The folder of a split: mentions.jsonl, entities.jsonl and images; written where it is not there yet.

    It appears whole or not at all. Two processes that make it at once both succeed; one of the two results stays.

    Raises:
        MissingError: The folder cannot be written (disk full, no permission).
    """
    shelf = (cache_folder() if cache is None else cache) / "world" / _key(dataset)
    folder = shelf / f"{dataset}-{split}"
    if (folder / "mentions.jsonl").is_file():
        return folder
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        _sweep(shelf)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=shelf))
        try:
            _write(unfinished, dataset, split)
            _publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as problem:
        raise MissingError(
            f"{dataset} cannot be written to {shelf}: {problem.strerror or problem}. Set ROBUSTMEL_CACHE to a folder with room."
        ) from problem
    return folder


def cache_folder() -> Path:
    """`$ROBUSTMEL_CACHE`, else `robustmel` in `$XDG_CACHE_HOME`, else `~/.cache/robustmel`."""
    if named := os.environ.get("ROBUSTMEL_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "robustmel"


def _key(dataset: str) -> str:
    """Of all that decides the files' content."""
    digest = hashlib.blake2b(digest_size=8)
    for decisive in (VERSION, PIL.__version__, np.__version__, template_file(dataset), *world_knowledge_base()):
        digest.update(f"{decisive!r}\x00".encode())
    # A few scenes stand for the rest: what draws other pixels, for whatever reason, must not share a folder.
    for family in FAMILIES:
        digest.update(draw_scene(world_knowledge_base().ids[0], 0, family).tobytes())
    return digest.hexdigest()


def _write(folder: Path, dataset: str, split: str) -> None:
    mentions = world_mentions(dataset, split)
    (folder / "images").mkdir()
    for mention in mentions:
        scene = draw_scene(mention.gold, mention.scene_seed, split)
        write_png(folder / mention.image, np.asarray(scene))
    _write_lines(folder / "entities.jsonl", map(_entity_record, world_knowledge_base().ids))
    _write_lines(folder / "mentions.jsonl", (_mention_record(mention, split) for mention in mentions))


def _mention_record(mention: WorldMention, split: str) -> dict[str, Any]:
    keys = ("id", "text", "surface", "span", "image", "gold", "candidates")
    return {key: getattr(mention, key) for key in keys} | {"split": split}


def _entity_record(entity_id: str) -> dict[str, Any]:
    entity = world_knowledge_base()[entity_id]
    return {key: getattr(entity, key) for key in ("id", "name", "aliases", "qid", "description", "text", "type", "popularity")}


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def _publish(unfinished: Path, folder: Path) -> None:
    """Gives the folder its name, unless another process was first."""
    unfinished.chmod(0o755)
    try:
        unfinished.rename(folder)
    except OSError:
        if not (folder / "mentions.jsonl").is_file():
            raise


def _sweep(shelf: Path) -> None:
    """Removes what processes killed long ago have left."""
    for left in shelf.glob(".unfinished-*"):
        with suppress(FileNotFoundError):  # another process may sweep too
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
