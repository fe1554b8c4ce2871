"""A variant is a set of overlays: an attack reaches the tasks that read what it writes, and no others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustmel.datasets.jsonl import JSONL
from robustmel.errors import UsageError
from robustmel.mention_columns import in_columns
from robustmel.report import build
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.publish import publish
from robustmel.run.runs import run_grid
from robustmel.run.stages.overlays import LOG, overlaid_queries, write_log, write_overlay
from robustmel.run.store import Store
from robustmel.types import Mention

FOLDER = Path(__file__).parent
LINKER = f"{FOLDER / 'colour_linker.py'}:ColourLinker"
UPPER = {"name": f"{FOLDER / 'text_attacks.py'}:UpperCase", "label": "upper"}
GUIDED = {"name": f"{FOLDER / 'text_attacks.py'}:GuidedUpperCase", "label": "guided"}
SWAP = {"name": f"{FOLDER / 'text_attacks.py'}:Swap", "label": "swap"}
PGD = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 3, "label": "far"}


def grid(data: Path, *attacks: Any, **change: Any) -> Grid:
    linker = {"name": LINKER, "label": "colours", "text_weight": 0.01}
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [linker], "tasks": ["I2T", "IT2T", "T2T"]}
    return parse_grid({**table, "attacks": list(attacks), "batch_size": 4, **change})


def summaries(folder: Path, asked: Grid) -> dict[tuple[str, str], Any]:
    run_grid(asked, folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
    return {(row.attack, row.task): row for row in build(folder / "out").summaries if not row.worst_case}


def test_a_text_attack_changes_what_reads_text_and_leaves_the_image_task_untouched(colour_data: Path, tmp_path: Path) -> None:
    """The linker looks for an entity's name in the sentence as it is spelt, so upper case takes all its points away."""
    rows = summaries(tmp_path, grid(colour_data, UPPER))
    assert rows["clean", "T2T"].accuracy == 1.0
    assert rows["upper", "T2T"].accuracy < 0.6  # what ties alone are worth
    assert rows["upper", "T2T"].evaluations == ("text",)
    assert rows["upper", "I2T"].evaluations == ("untouched",)
    assert rows["upper", "I2T"].accuracy == rows["clean", "I2T"].accuracy
    assert rows["upper", "IT2T"].evaluations == ("text",)
    cells = json.loads((tmp_path / "out" / "run.json").read_text())["cells"]
    answers = {(cell["attack"], cell["task"]): cell["evaluations"][0]["answers"] for cell in cells}
    assert answers["upper", "I2T"] == answers["clean", "I2T"]
    assert answers["upper", "IT2T"] != answers["clean", "IT2T"]


def test_an_image_attack_leaves_the_text_task_untouched(colour_data: Path, tmp_path: Path) -> None:
    rows = summaries(tmp_path, grid(colour_data, PGD))
    assert rows["far", "T2T"].evaluations == ("untouched",)
    assert rows["far", "T2T"].accuracy == rows["clean", "T2T"].accuracy
    assert rows["far", "I2T"].accuracy < rows["clean", "I2T"].accuracy


def test_a_text_attack_that_asks_for_scores_is_judged_on_what_was_written(colour_data: Path, tmp_path: Path) -> None:
    rows = summaries(tmp_path, grid(colour_data, GUIDED))
    assert rows["guided", "IT2T"].evaluations == ("text", "fused")
    assert rows["guided", "T2T"].accuracy < 1.0
    log = [row for file in (tmp_path / "store").glob("variant/*/*/log.parquet") for row in pq.read_table(file).to_pylist()]
    assert {row["queries"] for row in log} == {2}
    assert [row["succeeded"] for row in log] == [
        False
    ] * 36  # the right entity leads, or ties with others without its name in the text


def test_an_attack_on_the_knowledge_base_reaches_every_task_that_reads_it(colour_data: Path, tmp_path: Path) -> None:
    rows = summaries(tmp_path, grid(colour_data, SWAP, tasks=["I2T"]))
    assert rows["clean", "I2T"].accuracy == 1.0
    assert rows["swap", "I2T"].accuracy < 0.9  # red and blue flags are taken for one another
    assert rows["swap", "I2T"].evaluations == ("knowledge",)


def test_images_and_text_are_overlaid_in_one_variant(tmp_path: Path) -> None:
    mentions = [Mention(f"q{n}", "a", "text", f"text {n}", (0, 4), tmp_path / f"{n}.png") for n in range(3)]
    queries = in_columns(mentions).map(lambda mention: replace(mention.query("set", ("a", "b")), id=mention.id))
    rows = [
        {"id": "q0", "text": "new", "surface": "new", "span": [0, 3], "image": "images/q0.png"},
        {"id": "q1", "text": "other"},
    ]
    (tmp_path / "v").mkdir()
    write_overlay(tmp_path / "v", "mentions", pa.Table.from_pylist(rows))
    overlaid = overlaid_queries(queries, tmp_path / "v")
    first, second, third = overlaid
    assert (first.text, first.surface, first.span, first.image) == ("new", "new", (0, 3), tmp_path / "v" / "images/q0.png")
    assert (second.text, second.surface, second.span, second.image) == ("other", "text", None, tmp_path / "1.png")
    assert third == queries[2]
    (tmp_path / "w").mkdir()
    write_overlay(
        tmp_path / "w", "mentions", pa.Table.from_pylist([{"id": "q2", "text": "more"}, {"id": "q0", "text": "newest"}])
    )
    assert [query.text for query in overlaid_queries(overlaid, tmp_path / "w")] == ["newest", "other", "more"]
    assert overlaid_queries(overlaid, tmp_path / "w", ("text",)) == [first, second, third]


def test_a_view_that_an_attack_never_touches_is_refused(colour_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="changes the text alone"):
        summaries(tmp_path, grid(colour_data, GUIDED | {"view": "image"}))


def test_the_published_copy_has_the_new_text_and_every_field_of_the_mention(colour_data: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (colour_data / "mentions.jsonl").read_text().splitlines()]
    for line in lines:
        line |= {"topic": "flags", "box": [0, 0, 4, 4]}
    (colour_data / "mentions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    publish(grid(colour_data, UPPER, tasks=["T2T"]), tmp_path / "set", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    before, after = JSONL(colour_data).load().mentions, JSONL(tmp_path / "set").load().mentions
    for old, new in zip(before, after, strict=True):
        assert (new.text, new.surface, new.span) == (old.text.upper(), old.surface.upper(), old.span)
        assert (new.id, new.gold, new.topic, new.box, new.split) == (old.id, old.gold, "flags", old.box, old.split)
        assert new.image is not None
        assert old.image is not None
        assert new.image.read_bytes() == old.image.read_bytes()
    about = json.loads((tmp_path / "set" / "perturbation.json").read_text())
    publish(grid(colour_data, PGD, tasks=["I2T"]), tmp_path / "images", Store(tmp_path / "store"), 1, "cpu", ProgressListener())
    other = json.loads((tmp_path / "images" / "perturbation.json").read_text())
    assert about["clean_set"] == other["clean_set"]  # the same mentions as they were, whatever was done to them
    assert about["set"] != other["set"]


def test_a_log_has_a_row_an_id_in_order_and_none_without_a_record(tmp_path: Path) -> None:
    records = [{"id": name, "status": "ok", "queries": number} for number, name in enumerate("bca")]
    log = write_log(tmp_path, records, pa.schema(LOG), ["a", "b", "c"])
    assert log.select(["id", "queries"]).to_pydict() == {"id": ["a", "b", "c"], "queries": [2, 0, 1]}
    assert pq.read_table(tmp_path / "log.parquet").equals(log)
    with pytest.raises(KeyError, match="mention d has no record"):
        write_log(tmp_path / "none", records, pa.schema(LOG), ["a", "d", "c"])
    assert not (tmp_path / "none").exists()
