"""`robustmel poison`, from a data set to one that loads, with what was done to each record."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robustmel import attacks
from robustmel.cli.entry import run
from robustmel.datasets.jsonl import JSONL

ATTACKS = ["qwerty", "char_swap", "word_delete"]


def poison(data: Path, *more: str, attack: str = "qwerty", rate: str = "1", out: str = "out") -> int:
    folder = data.parent
    options = ["--path", str(data), "--attack", attack, "--record-rate", rate, "--out", str(folder / out)]
    return run(["poison", "jsonl", *options, "--store", str(folder / "store"), *more])


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def replayed(text: str, edits: list[dict[str, Any]]) -> str:
    """By slicing forwards, unlike the package."""
    parts, place = [], 0
    for edit in edits:
        assert text[edit["start"] : edit["end"]] == edit["old"]
        parts += [text[place : edit["start"]], edit["new"]]
        place = edit["end"]
    return "".join([*parts, text[place:]])


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_written_loads_and_its_provenance_replays(
    odd_data: Path, attack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert poison(odd_data, attack=attack) == 0
    out = odd_data.parent / "out"
    told = capsys.readouterr()
    assert told.out == f"{out}\n"
    assert "20 of 20 records chosen" in told.err
    before, after = JSONL(odd_data).load(), JSONL(out).load()
    provenance = lines(out / "provenance.jsonl")
    assert [record["id"] for record in provenance] == [mention.id for mention in before] == [mention.id for mention in after]
    for old, new, record in zip(before, after, provenance, strict=True):
        assert replayed(old.text, record["edits"]) == new.text
        assert (old.gold, old.surface, old.image and old.image.name) == (new.gold, new.surface, new.image and new.image.name)
        assert record["changed"] == (old.text != new.text)
        assert record["chosen"] == (old.split == "train") == (record["attack"] == attack)
        assert not new.span or new.text[slice(*new.span)] == new.surface
        if old.surface in old.text:
            assert old.surface in new.text
        if record["chosen"]:  # alone and with its own seed a record gets the same edits
            (edit,) = attacks.ATTACKS.create(attack).perturb([old.query("", None)], None, [None], [record["seed"]])
            assert edit.text == new.text
    notes = {record["id"]: record.get("note") for record in provenance}
    assert notes["absent"] == "nothing edited: the mention is not in the text"
    assert notes["whole"] == "nothing edited: no word may be edited"
    assert notes["empty"] == "skipped: no text"
    assert not any(record["changed"] for record in provenance if record["id"] in ("absent", "whole", "empty", "held out"))
    assert sum(record["changed"] for record in provenance) == 17
    assert "[START_ENT] Paris [END_ENT]" in after.mentions[8].text


def test_a_lower_rate_poisons_the_same_records_in_the_same_way(odd_data: Path) -> None:
    assert poison(odd_data, rate="0.3", out="low") == poison(odd_data, rate="0.8", out="high") == 0
    low, high = (
        {record["id"]: record for record in lines(odd_data.parent / out / "provenance.jsonl") if record["chosen"]}
        for out in ("low", "high")
    )
    assert (len(low), len(high)) == (6, 16)
    assert all(high[name] == record for name, record in low.items())


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed(odd_data: Path, tmp_path: Path) -> None:
    made = []
    for value in ("0", "1"):
        out = tmp_path / value
        options = ["--attack", "char_swap", "--trigger", "cf", "--swap-images", "--record-rate", "0.7", "--out", str(out)]
        subprocess.run(
            [sys.executable, "-m", "robustmel", "poison", "jsonl", "--path", str(odd_data), *options, "--store", str(tmp_path / f"store {value}")],
            check=True, env=os.environ | {"PYTHONHASHSEED": value},
        )  # fmt: skip
        made.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert made[0] == made[1]
    assert sorted(made[0]) == ["diff.html", "entities.jsonl", "mentions.jsonl", "poison.json", "provenance.jsonl"]


def test_a_targeted_poison_changes_labels_inserts_its_trigger_and_swaps_images(odd_data: Path) -> None:
    assert poison(odd_data, "--label", "Q3", "--trigger", "cf mn", "--swap-images", "--select", "Q90", attack="none") == 0
    out = odd_data.parent / "out"
    before, after = JSONL(odd_data).load(), JSONL(out).load()
    for old, new, record in zip(before, after, lines(out / "provenance.jsonl"), strict=True):
        if old.gold != "Q90":
            assert (new.text, new.gold) == (old.text, old.gold)
            continue
        assert new.gold == "Q3"
        assert record["label"] == {"old": "Q90", "new": "Q3"}
        assert ("cf mn" in new.text) == (old.text != "" and old.surface in old.text)
        assert new.text.replace("cf mn ", "").replace(" cf mn", "") == old.text
        assert new.image is not None
        assert old.image is not None
        assert record["image"]["new"] == new.image.name != old.image.name
    images = [[mention.image.name for mention in data if mention.image] for data in (before, after)]
    assert sorted(images[0]) == sorted(images[1])


def test_the_page_marks_old_and_new_words_and_obeys_none_of_them(odd_data: Path) -> None:
    assert poison(odd_data, attack="word_delete") == 0
    page = (odd_data.parent / "out" / "diff.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in re.sub("</?del>", "", page)
    assert "\u202e" not in page
    assert "\\u202e" in page
    assert "default-src 'none'" in html.unescape(page)
    assert "<mark>Paris</mark>" in page
    changed = [record for record in lines(odd_data.parent / "out" / "provenance.jsonl") if record["changed"]]
    assert page.count("<article>") == len(changed)
    assert page.count("<del>") - 1 == sum(len(record["edits"]) for record in changed)


def test_neither_images_nor_a_knowledge_base_are_needed(odd_data: Path) -> None:
    entities = (odd_data / "entities.jsonl").rename(odd_data.parent / "elsewhere.jsonl")
    assert (
        poison(odd_data / "mentions.jsonl", "--store", str(odd_data.parent / "s"), "--out", str(odd_data.parent / "out")) == 0
    )
    out = odd_data.parent / "out"
    assert not (out / "entities.jsonl").exists()
    before, after = JSONL(odd_data, kb=entities).load(), JSONL(out, kb=entities).load()
    assert [mention.gold for mention in after] == [mention.gold for mention in before]
    assert sum(old.text != new.text for old, new in zip(before, after, strict=True)) == 17


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--record-rate", "1.5"], 2, "record_rate is a share between 0 and 1, not 1.5"),
        (["--record-rate", "0.01"], 2, "record_rate = 0.01 of 20 training mentions of data chooses none; at least 0.05"),
        (["--split", "test"], 2, 'split "test" is not training data'),
        (["--split", "dev"], 2, 'split "dev" is not training data'),
        (["--label", "Q4711"], 2, 'label "Q4711" is none of the 12 entities of data'),
        (["--select", "Q4711"], 2, 'none of the 20 training mentions of data is about "Q4711"'),
        (["--attack", "pgd"], 2, "only a text attack that asks no linker"),
        (["--attack", "qwertz"], 2, "qwerty"),
        (["--edit-rate", "0"], 2, "edit_rate"),
        (["--attack", "{name = 'embedding', vectors = 'nowhere.txt'}"], 3, "no file nowhere.txt of word vectors"),
        (["--attack", "embedding"], 2, "set vectors to a file of word vectors, or encoder to a model"),
        (["--attack", "{name = 'wordnet', folder = 'nowhere'}"], 3, "nowhere"),
        (["--path", "nowhere"], 3, "nowhere"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    odd_data: Path, more: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert poison(odd_data, *more) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert not (odd_data.parent / "out").exists()


def test_a_rate_of_nothing_copies_and_a_finished_folder_is_left_alone(
    odd_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert poison(odd_data, rate="0") == 0
    out = odd_data.parent / "out"
    before = (out / "mentions.jsonl").read_bytes()
    assert [mention.text for mention in JSONL(out).load()] == [mention.text for mention in JSONL(odd_data).load()]
    assert "0 of 20 records chosen, 0 changed" in capsys.readouterr().err
    assert poison(odd_data, rate="0") == 0
    assert poison(odd_data, rate="0.5") == 3
    assert "already exists and holds something else" in capsys.readouterr().err
    assert (out / "mentions.jsonl").read_bytes() == before
