"""Every layout in which the field's data sets circulate, on invented records with planted defects."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.datasets import DATASETS
from robustmel.datasets.check import CheckReport, check
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.gemel import unmarked
from robustmel.datasets.layouts.mimic import mimic_name
from robustmel.errors import MissingError, UsageError


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


def test_mimic_images_end_at_the_first_dot() -> None:
    assert [mimic_name(one) for one in ("90004.svg.jpg", "a.PNG", "", "plain")] == ["90004.jpg", "a.jpg", "", "plain.jpg"]


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


@pytest.mark.parametrize("parameters", [{"ratio": 7}, {"layout": 3}, {"path": 5}, {"split_seed": "x"}])
def test_parameters_of_a_wrong_type_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        DATASETS.create("wikimel", **({"path": "x"} | parameters)).load()


def test_ids_of_many_digits_are_exact_and_absurd_ones_are_told(shared_data: Path, tmp_path: Path) -> None:
    (mention,) = DATASETS.create("jsonl", path=str(shared_data / "cases" / "big-ids")).load().mentions
    assert mention.id == "1234567890123456789"
    for name in ("Wikidata-MEL.json", "WIKIMEL_test.json", "WIKIPerson_Test.json"):
        (tmp_path / name).write_text(f'[{{"id": {"9" * 6000}}}]')
    for name in ("wikimel", "wikiperson"):
        with pytest.raises(MissingError, match="a number of 6,000 digits appears in it"):
            DATASETS.create(name, path=str(tmp_path)).load()


@given(st.integers())
def test_any_whole_number_is_read_as_its_digits(number: int) -> None:
    from robustmel.records.record import raw_record

    assert raw_record("x", json.loads(json.dumps({"id": number})), "id").identifier("id") == str(number)
