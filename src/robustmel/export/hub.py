"""Any data set as a folder that `datasets.load_dataset` reads: Parquet with the images in it, and a card."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment, StrictUndefined

from robustmel.datasets.dataset import Dataset
from robustmel.errors import ImageError, MissingError, UsageError, printable
from robustmel.export.folder import check_publishable, silent, told, write_checksums
from robustmel.export.records import mention_record
from robustmel.images import decode
from robustmel.kb.fields import entity_fields
from robustmel.records.new_folder import new_folder
from robustmel.types import Entity, Mention, opaque_id

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
MENTIONS = pa.schema(
    {
        "id": pa.string(),
        "gold": pa.string(),
        "surface": pa.string(),
        "text": pa.string(),
        "span": pa.list_(pa.int64()),
        "image": IMAGE,
        "image_state": pa.string(),
        "candidates": pa.list_(pa.string()),
        "topic": pa.string(),
        "box": pa.list_(pa.float64()),
    }
)
ENTITIES = pa.schema(
    {
        "id": pa.string(),
        "name": pa.string(),
        "aliases": pa.list_(pa.string()),
        "qid": pa.string(),
        "description": pa.string(),
        "text": pa.string(),
        "type": pa.string(),
        "popularity": pa.float64(),
        "images": pa.list_(IMAGE),
    }
)
SHARD = 400 * 2**20
"""Bytes of images after which a new file is begun."""
BATCH = 200
UNSPLIT = "unsplit"
"""The split of mentions that have none; the hub knows no nameless one."""


def export_hub(dataset: Dataset, out: Path, progress: Callable[[int, int], None] = silent) -> dict[str, Any]:
    """Writes `data/<split>-*.parquet`, `entities/*.parquet`, README.md (the card) and checksums.sha256; returns the counts.

    Images go in as the bytes of their files, so that nothing is lost by encoding them anew. One that is missing, broken or refused
    is null, and `image_state` says which ("none" where the record names none).

    Raises:
        MissingError: `out` is there already, or cannot be written.
        UsageError: There are no mentions, an image is a link out of the data set, or two splits would have one name.
    """
    splits: dict[str, list[Mention]] = {}
    for mention in dataset.mentions:
        splits.setdefault(mention.split or UNSPLIT, []).append(mention)
    names = {split: hub_split(split) for split in splits}
    if len(set(names.values())) < len(names):
        raise UsageError(
            f"splits {', '.join(sorted(splits))} would be called alike on the hub; export them one by one with --split."
        )
    check_publishable(dataset)
    with new_folder(out) as folder:
        states: dict[str, int] = {}
        for split, mentions in splits.items():
            rows = (_mention(mention, dataset.name, states) for mention in told(mentions, len(mentions), progress))
            _write(rows, MENTIONS, folder / "data", names[split])
        _write(
            (_entity(entity, states) for entity in told(dataset.kb, len(dataset.kb), progress)),
            ENTITIES,
            folder / "entities",
            "entities",
        )
        counts = {
            "mentions": len(dataset.mentions),
            "entities": len(dataset.kb),
            "splits": {split: len(mentions) for split, mentions in splits.items()},
            "images": dict(sorted(states.items())),
        }
        digests = write_checksums(folder)
        (folder / "README.md").write_text(card(dataset, counts, names, digests), "utf-8")
        _read_back(folder, names.values())
    renamed = {split: name for split, name in names.items() if split not in (name, UNSPLIT)}
    return counts | ({"renamed": renamed} if renamed else {})


def hub_split(split: str) -> str:
    """A split's name as `datasets` reads it: words of letters, digits and underscores, single dots between them, not "all"."""
    words = (re.sub(r"[^A-Za-z0-9_]", "_", word) for word in split.split(".") if word)
    name = ".".join(words) or UNSPLIT
    return f"{name}_mentions" if name.lower() == "all" else name


def _read_back(folder: Path, splits: Collection[str]) -> None:
    """Lets the library find configurations, splits and features in the folder; without it nothing is asked.

    Raises:
        MissingError: It reads something else than was written.
    """
    try:
        from datasets import Features, load_dataset_builder
    except ImportError:
        return
    with TemporaryDirectory() as cache:
        try:
            builder = load_dataset_builder(str(folder), "mentions", cache_dir=cache)
            read = set(builder.config.data_files)
            for file in folder.rglob("*.parquet"):
                Features.from_arrow_schema(pq.read_schema(file))
        except Exception as problem:  # the library raises whatever its parts do
            raise MissingError(f"the library datasets cannot read what was written: {problem}") from problem
    if read != set(splits):
        raise MissingError(f"the library datasets finds the splits {', '.join(sorted(read))} in what was written.")


def _write(rows: Iterator[dict[str, Any]], schema: pa.Schema, folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    features = {column.name: _feature(column.type) for column in schema}
    described = schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    number, size, batch = 0, 0, list[dict[str, Any]]()
    writer = pq.ParquetWriter(folder / f"{name}-{number:05}.parquet", described)
    try:
        for row in rows:
            batch.append(row)
            size += _bytes(row)
            if len(batch) == BATCH or size > SHARD:
                writer.write_table(pa.Table.from_pylist(batch, schema=described))
                batch = []
            if size > SHARD:
                writer.close()
                number, size = number + 1, 0
                writer = pq.ParquetWriter(folder / f"{name}-{number:05}.parquet", described)
        if batch or number == 0:
            writer.write_table(pa.Table.from_pylist(batch, schema=described))
    finally:
        writer.close()


def _bytes(row: dict[str, Any]) -> int:
    images = [row.get("image"), *row.get("images", ())]
    return sum(len(image["bytes"]) for image in images if image is not None)


def _mention(mention: Mention, dataset: str, states: dict[str, int]) -> dict[str, Any]:
    state = "none" if mention.image is None else _state(mention.image)
    states[state] = states.get(state, 0) + 1
    image = None
    if mention.image is not None and state == "present":
        image = {
            "bytes": mention.image.read_bytes(),
            "path": opaque_id(dataset, str(mention.image)) + mention.image.suffix.lower(),
        }
    return mention_record(mention, None) | {"image": image, "image_state": state}


def _entity(entity: Entity, states: dict[str, int]) -> dict[str, Any]:
    sound = []
    for path in entity.images:
        if (state := _state(path)) == "present":
            sound.append(path)
        else:
            states[f"of an entity and {state}"] = states.get(f"of an entity and {state}", 0) + 1
    return entity_fields(entity) | {"images": [{"bytes": path.read_bytes(), "path": path.name} for path in sound]}


def _state(path: Path) -> str:
    """Whether an image is "present", "missing", "broken" or "refused"."""
    try:
        decode(path)
    except ImageError as problem:
        return {"image_missing": "missing", "image_refused": "refused"}.get(problem.kind, "broken")
    return "present"


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "Sequence"}  # releases before 4 know no "List"
    names = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}
    return {"dtype": names[kind], "_type": "Value"}


_HUB_LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit"}


def card(dataset: Dataset, counts: Mapping[str, Any], names: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """The text of README.md."""
    template = (resources.files("robustmel.export") / "card.md.jinja").read_text("utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    licence = _HUB_LICENCES.get(dataset.licence, "other")  # with any more words, something else holds for a part
    values = {"dataset": dataset, "counts": counts, "names": names, "digests": digests, "licence": licence}
    return environment.from_string(template).render(
        values, quoted=lambda text: json.dumps(printable(text)), printable=printable
    )
