"""Demonstrations from a file of one's own, with the images of those trained with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.linkers.gemel.checkpoint import (
    DEMOS,
    Demo,
    GemelCheckpoint,
    check_rows,
    gemel_folder,
    read_demos,
    write_demos,
)
from robustmel.linkers.gemel.demo_embeddings import digest_of
from robustmel.linkers.loading import first_line
from robustmel.types import Mention


def with_demos(checkpoint: GemelCheckpoint, file: Path) -> GemelCheckpoint:
    """The same with other demonstrations; embeddings of other texts are not kept.

    Raises:
        MissingError: The file is absent or damaged, or names a row of features that is not there.
    """
    try:
        demos, kept = read_demos(file), checkpoint.embeddings
    except (OSError, ValueError, TypeError) as problem:
        raise MissingError(f"{file} holds no demonstrations that can be read: {first_line(problem)}.") from problem
    check_rows(demos, checkpoint.features, file)
    stale = kept is not None and kept.texts != digest_of([demo.compared(kept.compared) for demo in demos])
    return replace(checkpoint, demos=demos, embeddings=None if stale else kept)


def demo_records(**parameters: Any) -> list[Mention]:
    """The demonstrations of a linker with these parameters, as training mentions whose gold entity is known by its name."""
    return [
        Mention(demo.id or f"demo {place}", demo.name, demo.mention, demo.text, split="train")
        for place, demo in enumerate(_shown(**parameters))
    ]


def write_demo_file(file: Path, records: Sequence[Mention], **parameters: Any) -> None:
    """Writes the same demonstrations with the texts of some records, which come as `demo_records` gave them."""
    demos = _shown(**parameters)
    write_demos((replace(demo, text=record.text) for demo, record in zip(demos, records, strict=True)), file)


def _shown(*, model: str, demo_file: str | None = None, **_: Any) -> list[Demo]:
    return read_demos(gemel_folder(model) / DEMOS if demo_file is None else Path(demo_file))
