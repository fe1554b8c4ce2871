import os
import unicodedata
from pathlib import Path

import pytest

from robustmel.datasets import DATASETS
from robustmel.records.image_paths import image_path, stays_inside
from robustmel.records.load_report import LoadReport


def test_a_link_out_of_the_data_folder_is_seen(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "b.png").write_text("x")
    data = tmp_path / "data"
    data.mkdir()
    (data / "images").symlink_to(disk)
    (data / "c.png").symlink_to("../secret")
    (data / "d.png").symlink_to("images/b.png")
    (data / "loop.png").symlink_to("loop.png")
    assert stays_inside(data / "images" / "b.png", [data / "images"])
    assert not stays_inside(data / "images" / "b.png", [data])
    assert not stays_inside(data / "c.png", [data, data / "images"])
    assert stays_inside(data / "d.png", [data, data / "images"])
    assert stays_inside(data / "not-there.png", [data])
    assert not stays_inside(data / ".." / "secret", [data])


def test_a_data_set_knows_which_images_lead_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.png").symlink_to("../secret")
    (data / "entities.jsonl").write_text('{"id": "Q1", "name": "Ada"}\n')
    (data / "mentions.jsonl").write_text(
        '{"id": "m1", "gold": "Q1", "surface": "Ada", "image": "a.png"}\n{"id": "m2", "gold": "Q1", "surface": "A", "image": "b.png"}\n'
    )
    dataset = DATASETS.create("jsonl", path=str(data)).load()
    assert [dataset.outside(mention.image) for mention in dataset if mention.image is not None] == [True, False]


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (unicodedata.normalize("NFD", "é/ü.png"), unicodedata.normalize("NFC", "é/ü.png")),
        (unicodedata.normalize("NFC", "é/ü.png"), unicodedata.normalize("NFD", "é/ü.png")),
        ("a/b c.png", "a\\b c.png"),
        ("a/b c.png", "a/b%20c.png"),
        ("a/b%20c.png", "a/b c.png"),
        ("a/b c.png", "a%2Fb%20c.png"),
        ("a/100%.png", "a/100%25.png"),
        ("IMG/a.jpg", "IMG/a.JPG"),
        ("IMG/a.JPG", "img\\A.jpg"),
        (unicodedata.normalize("NFD", "é ü.png"), "%C3%A9%20%C3%BC.png"),
    ],
)
def test_a_path_spelt_otherwise_than_its_file_finds_it(tmp_path: Path, file: str, named: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("x")
    report = LoadReport("x")
    assert image_path(tmp_path, named, "m1", report) == tmp_path / file
    assert report.counts == {"image_respelt": 1}
    assert image_path(tmp_path, file, "m1", report) == tmp_path / file
    assert report.counts == {"image_respelt": 1}


@pytest.mark.parametrize(
    ("encoding", "read"), [("gbk", "cp437"), ("utf-8", "cp437"), ("utf-8", "latin-1"), ("gbk", "raw"), ("cp1251", "cp1252")]
)
def test_a_name_that_an_archive_garbled_is_found(tmp_path: Path, encoding: str, read: str) -> None:
    named = "мост/мост 1.jpg" if encoding == "cp1251" else "图片/北京.jpg"
    raw = named.encode(encoding)
    file = tmp_path / (os.fsdecode(raw) if read == "raw" else raw.decode(read))
    file.parent.mkdir()
    file.write_text("x")
    (file.parent / "b.jpg").write_text("x")
    report = LoadReport("x")
    assert image_path(tmp_path, named, "m1", report) == file
    assert report.counts == {"image_respelt": 1}


def test_names_that_nothing_brings_back_are_told_beside_the_missing_image(tmp_path: Path) -> None:
    """What Info-ZIP's unzip makes of the case gbk.zip: some letters are the same one by then."""
    folder = tmp_path / os.fsdecode(b"-+\xe3\xbc")
    folder.mkdir()
    (folder / os.fsdecode(b"\xa6\xa6\xa5\xae.jpg")).write_text("x")
    report = LoadReport("x")
    image_path(tmp_path, "图片/北京.jpg", "m1", report)
    image_path(tmp_path, "a/b.jpg", "m2", report)
    assert report.counts == {"image_names_garbled": 1}


@pytest.mark.parametrize(
    "named", ["..%2Fsecret", "%2e%2e/secret", "..\\secret", "a\\..\\..\\secret", "%2e%2e%2fsecret", "x" * 5000]
)
def test_no_spelling_leads_out_of_the_folder(tmp_path: Path, named: str) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "set" / "a").mkdir(parents=True)
    found = image_path(tmp_path / "set", named, "m1", LoadReport("x"))
    assert found is None or not (len(named) < 5000 and found.exists())


def test_two_spellings_on_the_disk_are_two_files(tmp_path: Path) -> None:
    for name in ("a b.png", "a%20b.png", "a%20%62.png"):
        (tmp_path / name).write_text("x")
        assert image_path(tmp_path, name, "m1", LoadReport("x")) == tmp_path / name
    assert image_path(tmp_path, "%61 b.png", "m1", LoadReport("x")) == tmp_path / "a b.png"


def test_letter_case_decides_where_two_files_have_one_name(tmp_path: Path) -> None:
    for name in (composed := unicodedata.normalize("NFC", "É.png"), unicodedata.normalize("NFC", "é.PNG")):
        (tmp_path / name).write_text("x")
    report = LoadReport("x")
    assert image_path(tmp_path, unicodedata.normalize("NFD", composed), "m1", report) == tmp_path / composed
    assert image_path(tmp_path, "É.PNG", "m1", report) == tmp_path / "É.PNG"  # either could be meant: it is missing
    assert report.counts == {"image_respelt": 1}
