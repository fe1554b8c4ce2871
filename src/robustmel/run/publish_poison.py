"""A poisoned data set as a data set of its own, with what was done to each record."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from pathlib import Path
from statistics import fmean, median
from typing import Any

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError, UsageError
from robustmel.export.records import entity_record, mention_record
from robustmel.item_seeds import item_seed
from robustmel.poisoning.diff_page import SAMPLE, diff_page
from robustmel.poisoning.poisoning import Poisoning
from robustmel.poisoning.provenance import Poisoned, provenance
from robustmel.poisoning.stealth import Stealth
from robustmel.records.new_folder import new_folder
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.executors import execute
from robustmel.run.jobs import Poison, Split
from robustmel.run.keys import files_digest
from robustmel.run.listener import ProgressListener
from robustmel.run.poisons import poison_attack, poison_of
from robustmel.run.refusals import complain
from robustmel.run.seeds import Seeds
from robustmel.run.stages.overlays import overlaid_mentions
from robustmel.run.stages.shards import read_table
from robustmel.run.store import Store
from robustmel.run.writing import writing
from robustmel.types import Mention

ABOUT, MENTIONS, PROVENANCE, ENTITIES, PAGE = "poison.json", "mentions.jsonl", "provenance.jsonl", "entities.jsonl", "diff.html"


def publish_poison(
    dataset: Component, split: str, attack: Component, how: Poisoning, seed: int, out: Path, store: Store, listener: ProgressListener,
    stealth: Stealth,
) -> dict[str, Any]:  # fmt: skip
    """Poisons one split of a data set and writes the whole of it to `out`, in the project's own format.

    `out` gets `mentions.jsonl`, `entities.jsonl` (without a knowledge base of its own, which stays where it is), `provenance.jsonl`
    (one object per mention), `diff.html` (a sample of what changed) and `poison.json`. Images are not copied: their paths are relative
    to the folder below which all of them lie. The records are those that a grid of the same seed would train on. `stealth` says what is
    measured of the edited texts.

    Returns:
        What `poison.json` says.

    Raises:
        UsageError: The poison cannot be made.
        MissingError: `out` holds something else already, or cannot be written.
    """
    builder, problems = Builder(store), list[str]()
    measured_by = files_digest(stealth.assets())
    if stealth.grammar:
        measured_by |= {"LanguageTool": stealth.grammar.release, "language": stealth.grammar.language}
    made = poison_attack(attack, "--attack", problems)
    complain(problems)
    records = Split(dataset, split)
    whole = builder.dataset(dataset, "all")
    _check(whole, split, how)
    job = poison_of(records, made, how, Seeds.of(seed).train, whole.name, builder)
    if out.exists():
        return _finished(out, job, measured_by)
    with writing(store.root, "choose another --store"):
        store.note(out, [job])
    execute([job], builder, 1, listener)
    with new_folder(out) as folder:
        measured = stealth.added_to(_records(whole, job, builder))
        return _write(whole, split, job, builder, dataset, seed, folder, measured, measured_by)


def _check(dataset: Dataset, split: str, how: Poisoning) -> None:
    if split not in ("train", "all"):
        raise UsageError(
            f'split "{split}" is not training data, so it is not poisoned; choose train or all. To attack what is asked at test time, '
            'write poisons = [{name = "...", record_rate = ..., target = "queries"}] in a grid.'
        )
    if split == "train":
        dataset.split("train")
    if how.relabel is not None and how.relabel not in dataset.kb and not dataset.report.counts["no_entities_file"]:
        raise UsageError(f'label "{how.relabel}" is none of the {len(dataset.kb):,} entities of {dataset.name}.')


def _finished(out: Path, job: Poison, measured_by: dict[str, str]) -> dict[str, Any]:
    """What the same command said before."""
    try:
        about: dict[str, Any] = json.loads((out / ABOUT).read_text("utf-8"))
        same = about["key"] == job.key and about["measured_by"] == measured_by
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise MissingError(f"{out} already exists and holds something else; name another folder, or remove it.")
    return about


def _write(
    dataset: Dataset, split: str, job: Poison, builder: Builder, component: Component, seed: int, folder: Path, records: Iterable[Poisoned],
    measured_by: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    root = _image_folder(dataset.mentions)
    counts, notes, measures = Counter[str](), Counter[str](), dict[str, list[float]]()

    def written() -> Iterator[Poisoned]:
        with (
            (folder / MENTIONS).open("w", encoding="utf-8", newline="\n") as mentions,
            (folder / PROVENANCE).open("w", encoding="utf-8", newline="\n") as log,
        ):
            for record in records:
                image = record.poisoned.image
                mentions.write(_line(mention_record(record.poisoned, None if image is None else os.path.relpath(image, root))))
                log.write(_line(record.provenance))
                counts.update(name for name in ("chosen", "changed") if record.provenance[name])
                for name, value in record.provenance.get("measures", {}).items():
                    measures.setdefault(name, []).append(value)
                notes.update([record.provenance["note"]] if "note" in record.provenance else ())
                yield record

    changed = (record for record in written() if record.provenance["changed"])
    sample = nsmallest(SAMPLE, changed, key=lambda record: item_seed(job.seed, "sample", record.clean.id))
    if component.params.get("kb") is None and not dataset.report.counts["no_entities_file"]:
        with (folder / ENTITIES).open("w", encoding="utf-8", newline="\n") as file:
            for entity in dataset.kb:
                images = [os.path.relpath(image, root) for image in entity.images]
                file.write(_line(entity_record(entity, images)))
    attack = job.attack.identity if job.attack else None
    about = {"dataset": dataset.name, "split": split, "attack": attack, "how": job.how.identity, "seed": seed}
    about |= {"mentions": len(dataset.mentions), "records": builder.store.manifest(job.kind, job.key)["records"]}
    about |= {"chosen": counts["chosen"], "changed": counts["changed"], "notes": dict(sorted(notes.items())), "key": job.key}
    figures: dict[str, Callable[[list[float]], float]] = {"measures": median, "means": fmean, "measured": len}
    about |= {kind: {name: figure(values) for name, values in measures.items()} for kind, figure in figures.items()}
    about |= {"measured_by": measured_by}
    (folder / PAGE).write_text(diff_page(sample, about), "utf-8")
    (folder / ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return about


def _records(dataset: Dataset, job: Poison, builder: Builder) -> Iterator[Poisoned]:
    """Every mention of the data set; the rows of the log stand in the same order."""
    path = builder.path(job)
    ids = [mention.query(dataset.name, None).id for mention in dataset.mentions]
    name = job.attack.identity["name"] if job.attack else None
    log = read_table(path / "log.parquet")
    row = next(log, None)
    for clean, opaque, poisoned in zip(dataset.mentions, ids, overlaid_mentions(dataset.mentions, ids, path), strict=True):
        mine = row if row is not None and row["id"] == opaque else None
        yield Poisoned(clean, poisoned, provenance(clean, poisoned, mine, name, job.seed))
        row = row if mine is None else next(log, None)


def _image_folder(mentions: Iterable[Mention]) -> Path:
    """The folder below which all images lie."""
    folders = {mention.image.absolute().parent for mention in mentions if mention.image is not None}
    return Path(os.path.commonpath(folders)) if folders else Path.cwd()


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
