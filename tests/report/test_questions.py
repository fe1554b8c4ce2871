from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import robustmel as rm
from robustmel.report.questions import Question, clusters
from robustmel.types import Prediction


def asked(entity: str, image: str | None) -> Question:
    return Question("q", entity, "", "", image, (), entity)


def test_an_entity_and_an_image_chain_mentions_together() -> None:
    rows = [asked("a", "1"), asked("b", "2"), asked("a", "3"), asked("c", "3"), asked("d", None), asked("e", None)]
    assert clusters(rows).tolist() == [0, 1, 0, 0, 2, 3]


def test_an_image_named_like_an_entity_joins_nothing() -> None:
    assert clusters([asked("x", "y"), asked("y", "x")]).tolist() == [0, 1]


def test_the_same_bytes_under_other_paths_are_one_image() -> None:
    rows = [
        replace(asked("a", "1.png"), image_digest="x"),
        replace(asked("b", "copy.png"), image_digest="x"),
        asked("c", "3.png"),
    ]
    assert clusters(rows).tolist() == [0, 0, 1]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3", "4", None])), max_size=12))
def test_two_mentions_are_together_if_and_only_if_a_chain_links_them(pairs: list[tuple[str, str | None]]) -> None:
    rows = [asked(*pair) for pair in pairs]
    near = [[a[0] == b[0] or (a[1] is not None and a[1] == b[1]) for b in pairs] for a in pairs]
    for middle in range(len(pairs)):  # Warshall's transitive closure
        for left in range(len(pairs)):
            for right in range(len(pairs)):
                near[left][right] |= near[left][middle] and near[middle][right]
    found = clusters(rows)
    assert [[bool(found[i] == found[j]) for j in range(len(pairs))] for i in range(len(pairs))] == near
    assert sorted(set(found.tolist())) == list(range(len(set(found.tolist()))))


def test_a_run_takes_the_bytes_of_images_not_their_paths(tmp_path: Path) -> None:
    for name, colour in (("one", 10), ("copy", 10), ("other", 200)):
        Image.new("RGB", (8, 8), (colour, 0, 0)).save(tmp_path / f"{name}.png")
    mentions = [
        {
            "id": name,
            "gold": entity,
            "surface": name,
            "text": f"About {name}.",
            "image": f"{name}.png",
            "candidates": ["a", "b", "c"],
            "split": "test",
        }
        for name, entity in (("one", "a"), ("copy", "b"), ("other", "c"))
    ]
    entities = [{"id": entity, "name": f"Entity {entity}"} for entity in "abc"]
    for file, rows in (("mentions", mentions), ("entities", entities)):
        (tmp_path / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = rm.run(
        datasets=[{"name": "jsonl", "path": str(tmp_path)}],
        linkers=["clip-world"],
        tasks=["T2T"],
        out=tmp_path / "out",
        store=tmp_path / "s",
    )
    assert (report.summaries[0].clusters, round(report.summaries[0].largest_cluster or 0, 3)) == (2, 0.667)
    assert (
        rm.score(
            [Prediction(name, ("a",), (1.0,)) for name in ("one", "copy", "other")],
            report.run and rm.load_dataset("jsonl", path=tmp_path),
        ).n
        == 3
    )
