"""The own data format is read as documented, and every departure from it has a name and a place."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

from robustmel.datasets import DATASETS
from robustmel.datasets.jsonl import JSONL
from robustmel.errors import MissingError, UsageError

GOOD = {"id": "x", "gold": "Q1", "surface": "Chad"}


def refused(path: Path, **parameters: Any) -> str:
    with pytest.raises(MissingError) as caught:
        JSONL(path, **parameters).load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_key_is_read(write) -> None:
    dataset = JSONL(str(write())).load()
    first, second, third = dataset.mentions
    assert (first.id, first.gold, first.surface, first.span, first.split) == ("m1", "Q230", "Georgia", (0, 7), "train")
    assert first.candidates == ("Q230", "Q1428")
    assert first.image is not None
    assert first.image.is_file()
    assert second.span == (12, 19)
    assert third.gold is None
    georgia, state, chad = dataset.kb
    assert (georgia.aliases, georgia.qid, georgia.type, georgia.popularity) == (("Sakartvelo",), "Q230", "country", 12.0)
    assert [image.name for image in state.images] == ["m1.png"]
    assert (chad.qid, chad.type, chad.text) == (None, None, "Looks like Romania.")
    assert dataset.name == "set"
    assert dict(dataset.report.counts) == {"nil": 1}


def test_the_documented_example_loads(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "data-format.md").read_text(encoding="utf-8")
    for name in ("entities", "mentions"):
        block = document.split(f"`{name}.jsonl`\n\n")[1].split("\n\n")[0]
        (tmp_path / f"{name}.jsonl").write_text(re.sub("^    ", "", block, flags=re.MULTILINE), encoding="utf-8")
    dataset = JSONL(tmp_path).load()
    assert [mention.span for mention in dataset.mentions] == [(0, 7), (15, 22), (0, 7)]
    assert dict(dataset.report.counts) == {"nil": 1, "no_image": 1}


def test_splits_by_their_usual_names(write) -> None:
    folder = write(m1={"split": "dev"}, m2={"split": " TRAIN "}, m3={"split": "hard"})
    assert [mention.split for mention in JSONL(folder).load().mentions] == ["validation", "train", "hard"]
    assert [mention.id for mention in JSONL(folder).load("val").mentions] == ["m1"]
    with pytest.raises(MissingError, match="hard, train, validation"):
        JSONL(folder).load("test")


@pytest.mark.parametrize("spelling", [None, "", "NIL", "nil", "None", " null "])
def test_every_nil_is_one_nil(write, spelling: str | None) -> None:
    dataset = JSONL(write(m1={"gold": spelling})).load()
    assert dataset.mentions[0].gold is None
    assert dataset.report.counts["nil"] == 2


def test_an_entity_may_be_called_nil(write) -> None:
    dataset = JSONL(
        write(entities=[{"id": "NIL", "name": "Nil"}, {"id": "Q230", "name": "Georgia"}], m1={"gold": "NIL"})
    ).load()
    assert dataset.mentions[0].gold == "NIL"


def test_spans_that_do_not_hold_are_looked_up(write) -> None:
    for wrong in ([0, 3], [-7, 0], [5, 99], [3, 3], [7, 0]):
        dataset = JSONL(write(m1={"span": wrong})).load()
        assert dataset.mentions[0].span == (0, 7)
        assert dataset.report.counts["span_mismatch"] == 1
    dataset = JSONL(write(m2={"span": None}, m3={"surface": "Rumania"})).load()
    assert [mention.span for mention in dataset.mentions] == [(0, 7), None, None]
    assert dataset.report.counts["without_span"] == 2


def test_odd_candidates_are_kept_out_and_counted(write) -> None:
    dataset = JSONL(
        write(m1={"candidates": ["Q1", "Q1", "Q999", None, "nil"]}, m2={"candidates": []}, m3={"candidates": None})
    ).load()
    assert [mention.candidates for mention in dataset.mentions] == [("Q1",), (), None]
    expected = {
        "repeated_candidates": 1,
        "unknown_candidates": 1,
        "nil_candidates": 2,
        "empty_candidates": 1,
        "gold_not_in_candidates": 2,
    }
    assert expected.items() <= dataset.report.counts.items()


def test_unknown_gold_is_kept(write) -> None:
    dataset = JSONL(write(m1={"gold": "Q77"})).load()
    assert dataset.mentions[0].gold == "Q77"
    assert dataset.report.examples["gold_not_in_kb"] == ["mentions.jsonl:1 (m1): Q77"]


def test_whole_numbers_are_ids(write) -> None:
    dataset = JSONL(write(mentions=[GOOD | {"id": 7, "gold": 5, "candidates": [5]}], entities=[{"id": 5, "name": "a"}])).load()
    assert (dataset.mentions[0].id, dataset.mentions[0].gold, dataset.mentions[0].candidates) == ("7", "5", ("5",))


def test_ids_that_look_the_same_are_the_same(write) -> None:
    composed, apart = (normalize(form, "Zürich") for form in ("NFC", "NFD"))
    mention = GOOD | {"gold": apart, "candidates": [composed, "5"]}
    dataset = JSONL(write(mentions=[mention], entities=[{"id": composed, "name": "a"}, {"id": 5, "name": "b"}])).load()
    assert (dataset.mentions[0].gold, dataset.mentions[0].candidates) == (composed, (composed, "5"))
    assert not {"gold_not_in_kb", "gold_not_in_candidates"} & dataset.report.counts.keys()
    path = write(mentions=[mention], entities=[{"id": composed, "name": "a"}, {"id": apart, "name": "b"}])
    assert '" is already used at entities.jsonl:1' in refused(path)


@pytest.mark.parametrize("named", ["../secret.png", "/etc/hostname", "images/../../x.png", ".", "https://example.org/a.png"])
def test_image_paths_stay_in_their_folder(write, named: str) -> None:
    dataset = JSONL(write(m1={"image": named})).load()
    assert dataset.mentions[0].image is None
    assert dataset.report.counts["image_outside"] + dataset.report.counts["image_url"] == 1
    assert dataset.report.counts["no_image"] == 1


def test_inner_detours_and_other_image_folders_are_fine(write, tmp_path: Path) -> None:
    folder = write(m1={"image": "images/../images/m1.png"}, m2={"image": str(tmp_path / "set" / "images" / "m2.png")})
    assert [mention.image.name for mention in JSONL(folder).load().mentions if mention.image] == ["m1.png", "m2.png", "m3.png"]
    moved = JSONL(write(m1={"image": "m1.png"}), images=folder / "images").load().mentions[0]
    assert moved.image == folder / "images" / "m1.png"
    assert "no image folder" in refused(folder, images=tmp_path / "elsewhere")


def test_byte_order_mark_crlf_and_blank_lines(write) -> None:
    folder = write()
    plain = JSONL(folder).load().mentions
    for name in ("mentions.jsonl", "entities.jsonl"):
        text = (folder / name).read_bytes()
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n\r\n").rstrip())
    assert JSONL(folder).load().mentions == plain


def test_odd_strings_are_kept(write) -> None:
    odd = "٣\u202eليبيا\u200d🇨🇮\u2028 \u0007 ﬁ <b>&" + "x" * 10_000
    dataset = JSONL(write(mentions=[GOOD | {"surface": odd, "text": f"({odd})"}])).load()
    assert dataset.mentions[0].surface == odd
    assert dataset.mentions[0].span == (1, 1 + len(odd))


def test_halves_of_surrogates_and_nul_are_replaced_one_for_one(write) -> None:
    line = b'{"id": "x", "gold": "Q1", "surface": "Chad", "text": "\\ud800 \\u0000 Chad \\ud83d\\ude00", "span": [4, 8]}\n'
    dataset = JSONL(write(mentions=line)).load()
    assert dataset.mentions[0].text == "\ufffd \ufffd Chad 😀"
    assert dataset.mentions[0].span == (4, 8)
    assert dataset.report.counts["replaced_characters"] == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"id": "x", "gold": "Q1", "surface": "Chad",}', "character"),
        (b'{"id": "x", "gold": "Q1"', "not JSON"),
        (b"{'id': 'x'}", "not JSON"),
        (b'["x"]', "a list"),
        (b'"x"', "a string"),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "id": "y"}', 'the key "id" appears in it twice'),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "more": NaN}', "NaN"),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "more": {"a": -Infinity}}', "-Infinity"),
        (b'{"id": "x", "gold": "Q1", "surface": "Ch\x00ad"}', "character"),
        ('{"id": "x", "gold": "Q1", "surface": "Pérou"}'.encode("latin-1"), "byte 40 of the line (0xe9)"),
        (b'{"id": "x", "gold": "Q1", "surface": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"id": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
        (b'{"id": ' + b"[" * 900 + b'"\\u0041"' + b"]" * 900 + b"}", "nested too deeply"),
        (b'{"id": ' + b"9" * 5_000 + b', "gold": "Q1", "surface": "Chad"}', "not JSON"),
        (b'{"gold": "Q1", "surface": "Chad"}', 'no key "id"'),
        (b'{"id": "x", "surface": "Chad"}', 'no key "gold"'),
        (b'{"id": "x", "gold": "Q1"}', 'no key "surface"'),
        (b'{"id": "x", "gold": "Q1", "surface": null}', '"surface" must be a string, found null'),
        (b'{"id": "", "gold": "Q1", "surface": "Chad"}', '"id" must be a non-empty string'),
        (b'{"id": true, "gold": "Q1", "surface": "Chad"}', '"id" must be a string'),
        (b'{"id": "x", "gold": ["Q1"], "surface": "Chad"}', '"gold" must be a string'),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "span": [0]}', '"span" must be [start, end]'),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "span": [0, 1.5]}', '"span" must be [start, end]'),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "image": ["a"]}', '"image" must be a string, found a list'),
        (b'{"id": "x", "gold": "Q1", "surface": "Chad", "candidates": "Q1"}', "must be a list"),
        (b'{"id": "m0", "gold": "Q1", "surface": "Chad"}', '"m0" is already used at mentions.jsonl:1'),
    ],
)
def test_a_wrong_line_is_named(write, line: bytes, says: str) -> None:
    message = refused(write(mentions=b'{"id": "m0", "gold": "Q1", "surface": "Chad"}\n' + line + b"\n"))
    assert message.startswith("mentions.jsonl:2: ")
    assert says in message


@pytest.mark.parametrize(
    ("entity", "says"),
    [
        ({"name": "a"}, 'no key "id"'),
        ({"id": "a"}, 'no key "name"'),
        ({"id": "a", "name": "a", "popularity": -1}, "from 0 on"),
        ({"id": "a", "name": "a", "popularity": "12"}, "finite number"),
        ({"id": "a", "name": "a", "popularity": 10**400}, "401 digits"),
        ({"id": "a", "name": "a", "aliases": "b"}, "a list of strings"),
        ({"id": "a", "name": "a", "aliases": [1]}, "a list of strings"),
        ({"id": "Q230", "name": "a"}, '"Q230" is already used at entities.jsonl:1'),
    ],
)
def test_a_wrong_entity_is_named(write, entity: dict[str, Any], says: str) -> None:
    message = refused(write(entities=[{"id": "Q230", "name": "Georgia"}, entity]))
    assert message.startswith("entities.jsonl:2: ")
    assert says in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no mention"),
        (b"\n\n", "holds no mention"),
        (json.dumps([GOOD]).encode(), "JSON list"),
        (json.dumps([GOOD], indent=1).encode(), "JSON list"),
        (json.dumps({"x": GOOD}, indent=1).encode(), "over many lines"),
        (json.dumps({"x": GOOD}).encode(), 'no key "id"'),
        (json.dumps(GOOD).encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest", "zip archive; unpack"),
        (b"\x1f\x8brest", "gzip archive; unpack"),
    ],
)
def test_other_layouts_are_recognised(write, content: bytes, says: str) -> None:
    assert says in refused(write(mentions=content))


def test_wrong_paths_say_what_was_looked_for(write, tmp_path: Path) -> None:
    assert "mentions.jsonl and entities.jsonl" in refused(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "it is empty" in refused(tmp_path / "empty")
    (tmp_path / "empty" / "data.zip").touch()
    assert "unpack data.zip first" in refused(tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("mentions.jsonl", "{}")
    assert "unpack it" in refused(tmp_path / "set.zip")
    folder = write()
    (folder / "entities.jsonl").rename(tmp_path / "kb.jsonl")
    assert "no entities file" in refused(folder)
    assert len(JSONL(folder / "mentions.jsonl", kb=tmp_path / "kb.jsonl").load().mentions) == 3


def test_keys_are_mapped(write) -> None:
    folder = write(
        mentions=[{"record": 1, "entity_id": "a", "mention": "A", "extra": 0}],
        entities=[{"code": "a", "name": "A b", "forms": ["A"], "extra": 0, "image": "x.png"}],
    )
    fields = {"mentions.id": "record", "entities.id": "code", "gold": "entity_id", "surface": "mention", "aliases": "forms"}
    dataset = JSONL(folder, fields=fields, name="mine").load()
    assert dataset.mentions[0].gold == "a"
    assert dataset.kb["a"].aliases == ("A",)
    assert dataset.name == "mine"
    assert sorted(dataset.report.examples["ignored_keys"]) == [
        "entities.jsonl: extra",
        "entities.jsonl: image",
        "mentions.jsonl: extra",
    ]
    assert '"entity_id" (for gold)' in refused(write(), fields={"gold": "entity_id"})


@pytest.mark.parametrize(
    "fields", [{"surfce": "mention"}, {"mentions.aliases": "x"}, {"a.b": "x"}, {"surface": 3}, ["surface"]]
)
def test_wrong_mappings_are_usage_errors(write, fields: Any) -> None:
    with pytest.raises(UsageError, match="fields"):
        JSONL(write(), fields=fields).load()


def test_photo_sets_load_unedited(shared_data: Path) -> None:
    fields = {"surface": "mention", "gold": "entity_id", "aliases": "surface_forms", "images": "kb_images"}
    for name, entities, mentions, ambiguous in (("grocery", 53, 1590, 5), ("flags", 60, 1800, 4)):
        dataset = DATASETS.create("jsonl", path=str(shared_data / "photos" / name), fields=fields).load()
        assert (dataset.name, len(dataset.kb), len(dataset.mentions)) == (name, entities, mentions)
        assert dataset.report.counts["no_text"] == mentions
        assert dataset.report.counts["gold_not_in_kb"] == dataset.report.counts["no_image"] == 0
        assert all(mention.image is not None and mention.image.is_file() for mention in dataset.mentions)
        assert len(dataset.kb.named("apple" if name == "grocery" else "guinea")) == ambiguous
        assert len(dataset.split("validation").mentions) == mentions // 10
