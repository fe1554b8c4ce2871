"""One page under several addresses, and the names of images that addresses give."""

import hashlib
import json
from pathlib import Path

import pytest

from robustmel.datasets import DATASETS
from robustmel.datasets.titles import page_title, title
from robustmel.records.image_paths import wikidiverse_name


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


def test_one_page_under_several_addresses_is_one_entity(shared_data: Path, tmp_path: Path) -> None:
    dataset = DATASETS.create("wikidiverse", path=str(shared_data / "cases" / "page-titles")).load()
    for mention in dataset:
        assert mention.candidates is not None
        assert mention.gold in mention.candidates
    assert len([entity for entity in dataset.kb if entity.name == "AT&T"]) == 1
    assert dataset.report.counts["gold_not_in_candidates"] == 0
