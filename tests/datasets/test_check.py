"""Every fault planted in a folder is counted and named, with its place; a sound folder has nothing to remark."""

from __future__ import annotations

import json
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robustmel.datasets.check import CheckReport, check
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.jsonl import JSONL
from robustmel.kb import KnowledgeBase
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity, Mention

KEYS = [
    *("dataset", "layout", "records", "mentions", "entities", "surface_differs", "ambiguous_surfaces", "ambiguous_mentions"),
    *("unlocated", "recovered", "repeated", "nil", "gold_not_in_candidates", "images_missing", "images_broken"),
    *("duplicates", "leaks", "notes"),
]


def of(*mentions: Mention, kb: tuple[Entity, ...] = (Entity("Q1", "Chad"), Entity("Q2", "Mali"))) -> CheckReport:
    return check(Dataset("made", mentions, KnowledgeBase(kb), LoadReport("made up")))


def named(report: CheckReport) -> dict[str, int]:
    return {finding.reason: finding.count for finding in report.findings}


def test_a_sound_folder_has_only_its_counts(write) -> None:
    report = check(JSONL(write()).load())
    assert report.findings == ()
    assert "Nothing to remark." in report.to_text()
    counted = json.loads(report.to_json())
    assert [key for key in counted if key != "splits"] == KEYS
    assert (counted["mentions"], counted["entities"], counted["nil"], counted["notes"]) == (3, 3, 1, [])
    assert (counted["ambiguous_surfaces"], counted["ambiguous_mentions"], counted["repeated"]) == (1, 2, 1)


PLANTED: dict[str, dict[str, Any]] = {
    "images_missing": {"image": "images/none.png"},
    "images_broken": {"image": "images/broken.jpg"},
    "image_outside": {"image": "../../etc/passwd"},
    "image_url": {"image": "https://example.org/a.png"},
    "no_image": {"image": None},
    "images_converted": {"image": "images/alpha.png"},
    "gold_not_in_kb": {"gold": "Q404", "candidates": None},
    "gold_not_in_candidates": {"candidates": ["Q1428"]},
    "unknown_candidates": {"candidates": ["Q1", "Q404"]},
    "repeated_candidates": {"candidates": ["Q1", "Q1"]},
    "nil_candidates": {"candidates": ["Q1", None]},
    "empty_candidates": {"candidates": []},
    "partial_candidates": {"candidates": None},
    "span_mismatch": {"span": [1, 3]},
    "unlocated": {"surface": "Tchad"},
    "repeated": {"text": "Chad is Chad."},
    "empty_surfaces": {"surface": ""},
    "no_text": {"text": ""},
    "replaced_characters": {"text": "Chad \ud800"},
    "ignored_keys": {"subject": "flags"},
    "label_leaks": {"id": "Q1"},
    "no_split": {"split": None},
    "odd_splits": {"split": "challenge"},
    "leaks": {"text": " georgia in  TBILISI."},
}


@pytest.mark.parametrize("reason", PLANTED)
def test_a_planted_fault_is_named_with_its_place(write, reason: str) -> None:
    sound = {
        "id": "planted",
        "gold": "Q1",
        "surface": "Chad",
        "text": "Chad has a flag.",
        "image": "images/new.png",
        "candidates": ["Q1"],
        "split": "test",
    }
    folder: Path = write()
    Image.new("RGB", (5, 5), "teal").save(folder / "images" / "new.png")
    Image.new("RGBA", (5, 5), (1, 2, 3, 4)).save(folder / "images" / "alpha.png")
    (folder / "images" / "broken.jpg").write_bytes(b"<html>not found</html>")
    with (folder / "mentions.jsonl").open("a") as file:
        file.write(json.dumps(sound | {"id": "planted"}) + "\n")
    assert named(check(JSONL(folder).load())) == {}
    lines = (folder / "mentions.jsonl").read_text().splitlines()
    (folder / "mentions.jsonl").write_text("\n".join([*lines[:-1], json.dumps(sound | PLANTED[reason])]))
    report = check(JSONL(folder).load())
    assert named(report)[reason] == 1
    note = next(note for note in json.loads(report.to_json())["notes"] if note.startswith(f"{reason} (1):"))
    assert any(place in note for place in ("planted", "Q1", ":4", "subject", "alpha.png"))
    assert note in report.to_text()


def test_faults_of_entities_are_named(write) -> None:
    broken = {"images": ["images/none.png", "entities.jsonl"], "name": " "}
    report = check(JSONL(write(Q1=broken)).load())
    assert named(report) == {"entity_images_missing": 1, "entity_images_broken": 1, "empty_names": 1}


def test_duplicates_and_contradictions(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        Image.fromarray(np.full((4, 4, 3), 9 if name == "c" else 5, dtype=np.uint8)).save(tmp_path / f"{name}.png")

    def mention(name: str, gold: str, image: str, span: tuple[int, int] = (0, 4)) -> Mention:
        return Mention(name, gold, "Chad", "Chad v. Chad", span, tmp_path / image, split="test")

    report = of(
        mention("1", "Q1", "a.png"),
        mention("same bytes under another name", "Q1", "b.png"),
        mention("other image", "Q1", "c.png"),
        mention("other place", "Q1", "a.png", (8, 12)),
        mention("other gold", "Q2", "a.png"),
    )
    assert report.duplicates == 1
    assert [finding.examples for finding in report.findings if finding.reason == "duplicates"] == [
        ("same bytes under another name",)
    ]
    assert [finding.examples for finding in report.findings if finding.reason == "contradictions"] == [("other gold",)]


def test_leaks_are_counted_in_the_later_split(tmp_path: Path) -> None:
    for name, value in (("a", 5), ("b", 5), ("c", 9)):
        Image.fromarray(np.full((4, 4, 3), value, dtype=np.uint8)).save(tmp_path / f"{name}.png")
    report = of(
        Mention("train", "Q1", "Chad", "Chad one", image=tmp_path / "a.png", split="train"),
        Mention("dev, same image", "Q2", "Mali", "Mali two", image=tmp_path / "b.png", split="validation"),
        Mention("test, same sentence", "Q2", "Mali", "MALI  two", image=tmp_path / "c.png", split="test"),
        Mention("test, no text", "Q1", "Chad", image=None, split="test"),
        Mention("test, no text either", "Q2", "Mali", image=None, split="train"),
    )
    assert report.leaks == 2
    (leak,) = [finding for finding in report.findings if finding.reason == "leaks"]
    assert set(leak.examples) == {
        "dev, same image (validation) with train (train)",
        "test, same sentence (test) with dev, same image (validation)",
    }
    (identical,) = [finding for finding in report.findings if finding.reason == "identical_images"]
    assert identical.examples == ("b.png is a.png",)
    (bare,) = [finding for finding in report.findings if finding.reason == "bare_entities"]
    assert bare.count == report.entities
    assert leak.detail == "image 1, image that looks the same 0, sentence 1"


def test_surfaces_are_compared_stripped_composed_and_folded() -> None:
    decomposed = unicodedata.normalize("NFD", "Pérou")
    report = of(
        Mention("1", "Q1", " pérou"),
        Mention("2", "Q2", decomposed.upper()),
        Mention("3", None, "Mali"),
        Mention("4", "Q2", "Mali"),
    )
    assert (report.ambiguous_surfaces, report.ambiguous_mentions) == (1, 2)
    assert (report.surface_differs, report.nil) == (2, 1)


def test_recovered_mentions_are_among_the_unlocated() -> None:
    report = of(
        Mention("1", "Q1", "Hermann Beckerath", "Hermann von Beckerath sat.", (0, 21)),
        Mention("2", "Q1", "Chad", "Nothing here."),
        Mention("3", "Q1", "Chad", "Chad.", (0, 4)),
    )
    assert (report.unlocated, report.recovered) == (2, 1)


def test_a_data_set_cannot_steer_the_terminal() -> None:
    report = of(Mention("\x1b[2J\u202eevil\n- forged", "Q1", "x", "y"))
    assert "\x1b" not in report.to_text()
    assert "\u202e" not in report.to_text()
    assert "\n- forged" not in report.to_text()


def test_every_image_is_looked_at_once_and_told(write) -> None:
    told: list[tuple[int, int]] = []
    check(JSONL(write(m2={"image": "images/m1.png"})).load(), progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]


def test_without_verifying_no_image_is_opened(write) -> None:
    folder = write(m1={"image": "images/none.png"})
    (folder / "images" / "m2.png").write_bytes(b"broken")
    report = check(JSONL(folder).load(), verify_images=False)
    assert (report.images_missing, report.images_broken) == (1, 0)


def test_real_files_have_the_published_counts(shared_data: Path) -> None:
    path = shared_data / "melbench" / "Wikidata-MEL.zip"
    if not path.is_file():
        pytest.skip("Wikidata-MEL is not there")
    with zipfile.ZipFile(path) as archive:
        records = json.loads(archive.read("Wikidata-MEL.json")).values()
    rows = [
        (f"{record['id']}#{place}", *row, record["sentence"])
        for record in records
        for place, row in enumerate(zip(record["mentions"], record["entities"], record["answer"], strict=True))
    ]
    entities = {answer: Entity(answer, name) for _, _, name, answer, _ in reversed(rows)}
    mentions = [Mention(name, answer, surface, text) for name, surface, _, answer, text in rows]
    report = of(*mentions, kb=tuple(entities.values()))
    assert (report.mentions, report.entities) == (25_846, 17_391)
    assert (report.surface_differs, report.unlocated, report.repeated) == (13_568, 740, 298)
    assert (report.ambiguous_surfaces, report.ambiguous_mentions) == (877, 4_219)
