"""Every layout in which the field's data sets circulate, on invented records with planted defects."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.datasets import DATASETS
from robustmel.datasets.boxes import clipped
from robustmel.datasets.check import CheckReport, check
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.gemel import unmarked, without_features
from robustmel.datasets.layouts.mimic import mimic_name
from robustmel.datasets.titles import page_title, title, wikidiverse_name
from robustmel.errors import MissingError, UsageError
from robustmel.images import write_png
from robustmel.types import Mention


def loaded(shared_data: Path, name: str, folder: str, **more: object) -> Dataset:
    return DATASETS.create(name, path=str(shared_data / "handmade" / folder), **more).load()


def findings(report: CheckReport) -> dict[str, int]:
    return {one.reason: one.count for one in report.findings}


MIMIC = {"percent_encoded": 1, "entity_images_missing": 1, "repeated": 2, "leaks": 1}
DIRTY = {"dirty_addresses": 3, "span_mismatch": 1, "unlocated": 1}
TABLES = {"table_lines_without_separator": 1, "table_lines_with_stray_separator": 1}


@pytest.mark.parametrize(
    ("name", "folder", "layout", "counts", "planted"),
    [
        ("wikimel", "MIMIC/WikiMEL", "MIMIC, cleaned", (8, 8, 8, 1), MIMIC | {"no_image": 1, "entity_images_broken": 1}),
        ("richpedia-mel", "MIMIC/RichpediaMEL", "MIMIC, cleaned", (8, 8, 8, 1), MIMIC | {"no_image": 1}),
        ("wikidiverse", "MIMIC/WikiDiverse", "MIMIC, cleaned", (8, 8, 8, 1), MIMIC),
        ("wikimel", "MIMIC/FASTMEL_variant", "MIMIC, cleaned", (2, 2, 8, 1), {"no_knowledge_base": 1, "nameless_entities": 7}),
        ("wikidiverse", "WikiDiverse", "WikiDiverse, raw", (8, 14, 13, 1), DIRTY | TABLES),
        (
            "wikidiverse",
            "WikiDiverse/w_10cands",
            "WikiDiverse, ten candidates",
            (9, 14, 35, 1),
            DIRTY | TABLES | {"repeated_candidates": 5, "empty_candidates": 1, "gold_not_in_candidates": 3},
        ),
        ("wikiperson", "WIKIPerson", "WIKIPerson, released", (3, 3, 2, 0), {"boxes_negative": 1, "gold_not_in_kb": 1}),
        ("m3el", "M3EL", "M3EL, released", (6, 6, 13, 0), {"no_surface": 3, "candidates_of_one_name": 2}),
        ("diffmel", "M3EL", "DiffMEL, released", (6, 6, 13, 0), {"difficulty_0": 2, "difficulty_1": 2, "difficulty_2": 2}),
        ("wikimel", "GEMEL/wikimel", "GEMEL, JSON lines", (7, 7, 5, 1), {"images_missing": 7}),
        ("wikidiverse", "GEMEL/wikidiverse", "GEMEL, JSON lines", (14, 14, 13, 1), DIRTY),
    ],
)
def test_a_layout_is_recognised_and_its_defects_are_named(
    shared_data: Path, name: str, folder: str, layout: str, counts: tuple[int, ...], planted: dict[str, int]
) -> None:
    report = check(loaded(shared_data, name, folder))
    assert report.layout.startswith(layout)
    assert (report.records, report.mentions, report.entities, report.nil) == counts
    assert planted.items() <= findings(report).items()


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("wikimel", "DWE", "DWE's re-cut of WikiMEL"),
        ("richpedia-mel", "DWE", "DWE's re-cut of Richpedia-MEL"),
        ("wikidiverse", "DWE", "DWE's re-cut of WikiDiverse"),
        ("wikimel", "DRIN/wikimel", "DRIN's re-cut of WikiMEL"),
    ],
)
def test_a_re_cut_is_answered_with_what_to_use_instead(shared_data: Path, name: str, folder: str, said: str) -> None:
    with pytest.raises(MissingError, match=f"holds {said}: .*use the raw release or MIMIC's cleaned files"):
        loaded(shared_data, name, folder)


def test_both_layouts_of_wikidiverse_state_the_same_mentions(shared_data: Path) -> None:
    def told(dataset: Dataset) -> list[tuple[object, ...]]:
        return sorted((one.text, one.surface, one.gold or "", one.split or "", one.image) for one in dataset.mentions)

    raw = loaded(shared_data, "wikidiverse", "WikiDiverse", layout="raw")
    ten = loaded(shared_data, "wikidiverse", "WikiDiverse", layout="ten")
    assert {one[:3] for one in told(raw)} >= {one[:3] for one in told(ten)}
    assert {mention.topic for mention in raw.mentions} >= {"sports", "politics"}
    assert raw.kb["Ardale"].description.startswith("Ardale is an imaginary province")
    assert len(raw.kb["Ardale"].images) == 2


def test_image_names_follow_the_release(shared_data: Path) -> None:
    expected = json.loads((shared_data / "handmade/WikiDiverse/EXPECTED_image_names.json").read_text("utf-8"))
    assert {address: wikidiverse_name(address) for address in expected} == expected


@pytest.mark.parametrize(
    ("address", "name"),
    [("https://x/a%20b.SVG", ".png"), ("https://x/a.Jpg", "a.Jpg"), ("https://x/a.webp", "a.webp"), ("a.PNG", ".PNG")],
)
def test_image_names_by_suffix(address: str, name: str) -> None:
    last = address.rpartition("/")[2]
    assert wikidiverse_name(address) == hashlib.md5(last.encode(), usedforsecurity=False).hexdigest() + name


def test_mimic_images_end_at_the_first_dot() -> None:
    assert [mimic_name(one) for one in ("90004.svg.jpg", "a.PNG", "", "plain")] == ["90004.jpg", "a.jpg", "", "plain.jpg"]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("]https://en.wikipedia.org/wiki/Storm_Otto_(2021)", ("Storm Otto (2021)", True)),
        ("https://en.wikipedia.org/wiki/Caf%C3%A9_%C3%89lan#History", ("Café Élan", False)),
        ("Q42", ("Q42", False)),
        ("https://en.wikipedia.org/wiki/paris", ("Paris", False)),
        ("https://en.m.wikipedia.org/wiki/AT&amp;T", ("AT&T", False)),
        ("https://en.wikipedia.org/wiki/AT%26amp%3BT", ("AT&T", False)),
        ("https://en.wikipedia.org/wiki/Paris?oldid=12&amp;action=raw#History", ("Paris", False)),
        ("https://en.wikipedia.org/w/index.php?oldid=3&title=caf%C3%A9+%C3%89lan#x", ("Café Élan", False)),
        ("https://en.wikipedia.org/w/index.php?title=AT%26T&amp;oldid=3", ("AT&T", False)),
        ("https://en.wikipedia.org/wiki/Caf%25C3%25A9", ("Café", False)),
        ("//en.wikipedia.org/wiki/What_Is_Love%3F", ("What Is Love?", False)),
        ("http://EN.wikipedia.org/wiki/What_Is_Love?", ("What Is Love?", False)),
        ("cafe\u0301_\u200eélan", ("Café élan", False)),
        ("ßeta", ("ßeta", False)),
        ("https://en.wikipedia.org/?title=New+York&action=history", ("New York", False)),
        ("https://en.wikipedia.org/w/?action=raw&title=New_York", ("New York", False)),
        ("https://en.wikipedia.org/wiki/index.php?title=New_York&section=5", ("New York", False)),
        ("https://en.wikipedia.org/w/index.php?title=New_York&copy=1", ("New York", False)),
        ("https://en.wikipedia.org/w/index.php?oldid=7&amp;title=AT%2526T#x", ("AT&T", False)),
        ("https://en.wikipedia.org/wiki/New_York/", ("New York", False)),
        ("https://en.wikipedia.org/wiki//dev/null", ("/dev/null", False)),
        ("https://en.wikipedia.org/wiki/New_York%3Foldid%3D12", ("New York", False)),
        ("http://en.wikipedia.org:80//wiki/New_York_", ("New York", False)),
        ("https://www.en.wikipedia.org./wiki/New_York", ("New York", False)),
        ("https://en.zero.wikipedia.org/wiki/New_York", ("New York", False)),
        ("https://wikipedia.org/wiki/New_York", ("New York", False)),
        ("en.wikipedia.org/wiki/New_York", ("New York", False)),
        ("<https://en.wikipedia.org/wiki/New_York>", ("New York", False)),
        ("https%3A%2F%2Fen.wikipedia.org%2Fwiki%2FWho%253F", ("Who?", False)),
        ("https://de.m.wikipedia.org/wiki/New_York", ("de:New York", False)),
        ("https://zh.wikipedia.org/zh-cn/%E5%8C%97%E4%BA%AC", ("zh:北京", False)),
        ("https://en.wikipedia.org/w/index.php?curid=123", ("Curid=123", False)),
        ("https://en.wikipedia.org/?curid=123", ("Curid=123", False)),
        ("https://en.wikipedia.org/w/index.php?oldid=9", ("https://en.wikipedia.org/w/index.php?oldid=9", False)),
        ("NIL", (None, False)),
        ("", (None, False)),
        ("None", (None, False)),
    ],
)
def test_addresses_become_titles(address: str, found: tuple[str | None, bool]) -> None:
    assert page_title(address) == found


def test_what_does_not_decode_stays() -> None:
    assert title("100%_pure_%FF") == "100% pure %FF"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a [START_ENT] b [END_ENT] c", ("a b c", (2, 3))),
        ("[START_ENT] b [END_ENT].", ("b.", (0, 1))),
        ("[START_ENT] b", (" b", None)),
        ("[END_ENT] b [START_ENT]", (" b ", None)),
        ("[START_ENT][END_ENT]", ("", None)),
    ],
)
def test_marks_become_spans(text: str, found: tuple[str, tuple[int, int] | None]) -> None:
    assert unmarked(text) == found


def test_features_are_found_by_name_and_by_address(shared_data: Path) -> None:
    by_name = shared_data / "handmade/GEMEL/wikimel/clip_vit_large_patch14_1024.hdf5"
    by_address = shared_data / "handmade/GEMEL/wikidiverse/clip_vit_large_patch14_1024.hdf5"
    address = "https://upload.wikimedia.org/wikipedia/commons/d/d5/Flag_of_Ardale.svg"
    assert without_features(by_name, ["90001.jpg", "nothing"]) == {"nothing"}
    lacking = {"https://upload.wikimedia.org", "nothing"}
    assert without_features(by_address, [address, *lacking]) == lacking
    with pytest.raises(MissingError, match="cannot be read as HDF5"):
        without_features(shared_data / "cases" / "README.md", ["x"])


def test_boxes_of_real_records_are_parsed_and_clipped(shared_data: Path) -> None:
    path = shared_data / "samples" / "WIKIPerson"
    dataset = DATASETS.create("wikiperson", path=str(path)).load("test")
    written = {
        str(one["id"]): json.loads(one["boundingbox"]) for one in json.loads((path / "WIKIPerson_Test.json").read_text())
    }
    assert len(dataset.mentions) == 300
    for mention in dataset.mentions:
        left, top, right, bottom = written[mention.id]
        assert mention.box == (max(left, 0.0), max(top, 0.0), right, bottom)
    assert check(dataset).findings
    assert dataset.report.counts["boxes_negative"] == sum(min(box[:2]) < 0 for box in written.values())


def person(folder: Path, box: str, size: tuple[int, int] | None = (60, 40), **more: object) -> Mention:
    record = {"id": 1, "image": "a.png", "boundingbox": box, "wikiid": "Q1"}
    (folder / "WIKIPerson_Test.json").write_text(json.dumps([record]))
    if size is not None:
        pixels = np.arange(size[0] * size[1] * 3, dtype=np.uint32).astype(np.uint8).reshape(size[1], size[0], 3)
        write_png(folder / "images" / "a.png", pixels)
    (mention,) = DATASETS.create("wikiperson", path=str(folder), **more).load("test").mentions
    return mention


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ("[-3.5, 10, 99.5, 20]", (0.0, 10.0, 60.0, 20.0)),
        ("[10, 10, 5, 20]", None),
        ("[70, 1, 80, 2]", None),
        ("no box", None),
        ("[1, 2, 3]", None),
        ("[1, 2, 3, 1e999]", None),
    ],
)
def test_a_box_is_clipped_to_its_image(tmp_path: Path, box: str, kept: tuple[float, ...] | None) -> None:
    assert person(tmp_path, box).box == kept


def test_without_the_image_a_box_keeps_what_is_not_negative(tmp_path: Path) -> None:
    assert person(tmp_path, "[-3, 10, 900, 20]", size=None).box == (0.0, 10.0, 900.0, 20.0)


def test_cropping_shows_the_box_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustmel.images import decode

    monkeypatch.setenv("ROBUSTMEL_CACHE", str(tmp_path / "cache"))
    whole = person(tmp_path, "[10.4, 5, 30, 20.2]")
    cut = person(tmp_path, "[10.4, 5, 30, 20.2]", crop=True)
    assert whole.image is not None
    assert cut.image is not None
    assert np.array_equal(decode(cut.image), decode(whole.image)[5:21, 10:30])


def test_a_box_without_area_is_none() -> None:
    assert clipped((0, 0, float("nan"), 1), None) is None


def test_m3els_container_may_be_a_list_lines_or_an_object(shared_data: Path, tmp_path: Path) -> None:
    records = json.loads((shared_data / "handmade/M3EL/M3EL.json").read_text("utf-8"))
    written = {
        "list": json.dumps(records, indent=1),
        "lines": "\n".join(json.dumps(one) for one in records),
        "object": json.dumps({str(number): one for number, one in enumerate(records)}),
    }
    found = {}
    for kind, text in written.items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "M3EL.json").write_text(text, "utf-8")
        found[kind] = DATASETS.create("m3el", path=str(tmp_path / kind)).load().mentions
    told = {kind: [(one.id, one.gold, one.text, one.candidates) for one in mentions] for kind, mentions in found.items()}
    assert told["list"] == told["lines"] == told["object"]


def test_a_record_never_gives_away_its_answer(shared_data: Path) -> None:
    for name in ("m3el", "diffmel"):
        for mention in loaded(shared_data, name, "M3EL").mentions:
            assert mention.gold not in mention.id
            assert mention.surface in mention.text


def test_the_variant_with_descriptions_is_read(shared_data: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_data / "handmade/MIMIC/WikiMEL", tmp_path / "set", copy_function=shutil.copyfile)
    shutil.copyfile(shared_data / "handmade/MIMIC/M3EL_KDD2025_variant/kb_entity.json", tmp_path / "set" / "kb_entity.json")
    dataset = DATASETS.create("wikimel", path=str(tmp_path / "set")).load()
    assert dataset.kb["Q900001"].description == "invented description of Orla Quist"
    assert dataset.kb["Q900001"].text.startswith("Sex: female")
    assert dataset.kb["Q900003"].name == "Zoë Čapek"


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='wikidiverse has no layout "parquet"; it has "WikiDiverse, raw"'):
        DATASETS.create("wikidiverse", path=str(tmp_path), layout="parquet")


def test_an_export_of_recovered_spans_reads_back_with_them(tmp_path: Path) -> None:
    from robustmel.export import export_own

    record = {"id": "7", "sentence": "Hermann von Beckerath.", "mentions": "Hermann Beckerath", "entities": "H", "answer": "Q1"}
    (tmp_path / "Wikidata-MEL.json").write_text(json.dumps({"7": record}))
    dataset = DATASETS.create("wikimel", path=str(tmp_path)).load()
    export_own(dataset, tmp_path / "out")
    again = check(DATASETS.create("jsonl", path=str(tmp_path / "out")).load())
    assert (again.unlocated, again.recovered) == (1, 1)
    assert "span_mismatch" not in findings(again)


def test_entities_that_no_table_lists_are_compared_by_their_ids(tmp_path: Path) -> None:
    record = {"id": "7", "sentence": "A.", "imgPath": "", "mentions": "A", "entities": "A", "answer": "Q1"}
    for name, kb in (
        ("one", [{"id": 0, "entity_name": "A", "qid": "Q1"}]),
        ("other", [{"id": 0, "entity_name": "B", "qid": "Q2"}]),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "WIKIMEL_test.json").write_text(json.dumps([record]))
        (tmp_path / name / "kb_entity.json").write_text(json.dumps(kb))
    of, other = ({"name": "wikimel", "path": str(tmp_path / name)} for name in ("one", "other"))
    assert DATASETS.create("subset", of=of, outside_of=other).load().mentions == ()
    assert DATASETS.create("subset", of=other, outside_of=of).load().mentions == ()


def test_a_whole_file_beside_those_of_its_splits_is_not_counted_twice(shared_data: Path, tmp_path: Path) -> None:
    for name in ("M3EL.json", "M3EL_test.json"):
        shutil.copyfile(shared_data / "handmade/M3EL/M3EL.json", tmp_path / name)
    assert len(DATASETS.create("m3el", path=str(tmp_path)).load().mentions) == 6


def test_one_sets_file_is_not_read_as_another(tmp_path: Path) -> None:
    (tmp_path / "Wikidata-MEL.json").write_text("{}")
    with pytest.raises(MissingError, match="no richpedia-mel"):
        DATASETS.create("richpedia-mel", path=str(tmp_path / "Wikidata-MEL.json")).load()
    with pytest.raises(MissingError, match="holds no mention"):
        DATASETS.create("wikimel", path=str(tmp_path / "Wikidata-MEL.json")).load()


@pytest.mark.parametrize("parameters", [{"ratio": 7}, {"layout": 3}, {"path": 5}, {"split_seed": "x"}])
def test_parameters_of_a_wrong_type_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        DATASETS.create("wikimel", **({"path": "x"} | parameters)).load()


def test_one_page_under_several_addresses_is_one_entity(shared_data: Path, tmp_path: Path) -> None:
    dataset = DATASETS.create("wikidiverse", path=str(shared_data / "cases" / "page-titles")).load()
    for mention in dataset:
        assert mention.candidates is not None
        assert mention.gold in mention.candidates
    assert len([entity for entity in dataset.kb if entity.name == "AT&T"]) == 1
    assert dataset.report.counts["gold_not_in_candidates"] == 0


def test_ids_of_many_digits_are_exact_and_absurd_ones_are_told(shared_data: Path, tmp_path: Path) -> None:
    (mention,) = DATASETS.create("jsonl", path=str(shared_data / "cases" / "big-ids")).load().mentions
    assert mention.id == "1234567890123456789"
    for name in ("Wikidata-MEL.json", "WIKIMEL_test.json", "WIKIPerson_Test.json"):
        (tmp_path / name).write_text(f'[{{"id": {"9" * 6000}}}]')
    for name in ("wikimel", "wikiperson"):
        with pytest.raises(MissingError, match="a number of 6,000 digits stands in it"):
            DATASETS.create(name, path=str(tmp_path)).load()


@given(st.integers())
def test_any_whole_number_is_read_as_its_digits(number: int) -> None:
    from robustmel.records.record import raw_record

    assert raw_record("x", json.loads(json.dumps({"id": number})), "id").identifier("id") == str(number)


@pytest.mark.parametrize(
    ("name", "folder", "file", "split"),
    [
        ("wikiperson", "samples/WIKIPerson", "WIKIPerson_Test.json", "test"),
        ("wikimel", "handmade/MIMIC/WikiMEL", "WIKIMEL_dev.json", "validation"),
        ("wikimel", "handmade/GEMEL/wikimel", "test.json", "test"),
        ("wikidiverse", "handmade/GEMEL/wikidiverse", "train.json", "train"),
        ("wikidiverse", "handmade/WikiDiverse/raw", "valid.json", "validation"),
        ("wikidiverse", "cases/page-titles", "test_w_10cands.json", "test"),
        ("m3el", "handmade/M3EL", "M3EL.json", None),
    ],
)
def test_one_file_alone_is_read_under_any_name(
    shared_data: Path, tmp_path: Path, name: str, folder: str, file: str, split: str | None
) -> None:
    path = shared_data / folder / file
    alone = DATASETS.create(name, path=str(path)).load()
    assert alone.mentions
    if split is not None:
        assert {mention.split for mention in alone} == {split}
        assert alone.report.counts["split_files_missing"] >= 1
    said = [(one.surface, one.gold, one.text, one.span, one.candidates) for one in alone]
    for new in (f"my {split or 'file'} of people.json", "people.json"):
        (tmp_path / new).mkdir()
        (tmp_path / new / new).write_bytes(path.read_bytes())
        for given_path in (tmp_path / new / new, tmp_path / new):
            renamed = DATASETS.create(name, path=str(given_path)).load()
            assert sorted(map(repr, said)) == sorted(
                repr((one.surface, one.gold, one.text, one.span, one.candidates)) for one in renamed
            )
            if split is not None and split in new:
                assert {mention.split for mention in renamed} == {split}
            assert DATASETS.create(name, path=str(given_path)).found() is not None


def test_files_that_fit_and_do_not_say_what_they_are_are_named(shared_data: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        shutil.copyfile(shared_data / "handmade/WIKIPerson/WIKIPerson_Train_Dev.json", tmp_path / name)
    with pytest.raises(MissingError, match=r"several files of WIKIPerson, released \(a\.json, b\.json\)"):
        DATASETS.create("wikiperson", path=str(tmp_path)).load()


@pytest.mark.parametrize("content", ["", "[", "{", "[[", '{"a"', "[1]", '{"a": {', "[" * 100_000, '{"sentence": 1}', "\xff"])
def test_a_file_of_something_else_is_no_data_set(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content, "latin-1")
    for name in ("wikimel", "wikidiverse", "wikiperson", "m3el"):
        for path in (tmp_path, tmp_path / "a.json"):
            with pytest.raises(MissingError, match=f"no {name} in .*expected"):
                DATASETS.create(name, path=str(path)).load()


@pytest.mark.parametrize("dataset", ["jsonl", "wikiperson", "wikidiverse", "m3el"])
def test_a_pipe_in_a_sets_place_is_refused_not_waited_for(tmp_path: Path, dataset: str) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(MissingError, match="neither a file nor a folder"):
        DATASETS.create(dataset, path=str(tmp_path / "pipe.json")).load()
    with pytest.raises(MissingError, match="holds: pipe.json"):
        DATASETS.create(dataset, path=str(tmp_path)).load()
