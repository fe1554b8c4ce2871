import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robustmel.errors import MissingError
from robustmel.kb import build
from robustmel.kb.build import build_from_dump
from robustmel.kb.dump import DumpReport, read_dump
from robustmel.kb.stored import StoredKnowledgeBase


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"Q{number}", "type": "item", "labels": {"en": {"language": "en", "value": f"Name {number}"}}} | more


def claim(kind: str, rank: str = "normal") -> dict[str, Any]:
    return {"rank": rank, "mainsnak": {"snaktype": "value", "datavalue": {"value": {"id": kind}}}}


ITEMS: list[Any] = [
    item(
        1,
        aliases={"en": [{"value": "one"}, {"value": "Name 1"}], "de": [{"value": "eins"}]},
        descriptions={"en": {"value": "first"}},
        sitelinks={"enwiki": {}, "dewiki": {}},
        claims={"P31": [claim("Q7", "deprecated"), claim("Q5"), claim("Q6", "preferred")]},
    ),
    item(2, labels={"de": {"value": "Zwei"}}),
    item(3, labels=[], aliases=[], sitelinks=[], claims={"P31": [{"rank": "normal", "mainsnak": {"snaktype": "somevalue"}}]}),
    {"id": "P31", "type": "property"},
    item(4, labels={"mul": {"value": "Vier"}}, claims=[]),
    "torn",
    item(5),
]


def written(path: Path, items: list[Any] = ITEMS) -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in items]
    raw = ("[\n" + ",\n".join(lines) + "\n]\n").encode()
    opened: Callable[..., Any] = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with opened(path, "wb") as file:
        file.write(raw)
    return path


@pytest.mark.parametrize("name", ["dump.json", "dump.json.gz", "dump.json.bz2"])
def test_items_are_read_from_every_packing(tmp_path: Path, name: str) -> None:
    report = DumpReport()
    found = list(read_dump(written(tmp_path / name), report=report))
    assert [(one.id, one.name, one.qid) for one in found] == [
        ("Q1", "Name 1", "Q1"),
        ("Q4", "Vier", "Q4"),
        ("Q5", "Name 5", "Q5"),
    ]
    first = found[0]
    assert (first.aliases, first.description, first.type, first.popularity) == (("one",), "first", "Q6", 2.0)
    assert (report.kept, report.without_label, report.others, report.broken, report.first_broken) == (3, 2, 1, 1, 7)


def test_languages_are_taken_in_order(tmp_path: Path) -> None:
    assert [one.name for one in read_dump(written(tmp_path / "d.json"), ("de", "en"))] == ["Name 1", "Zwei", "Name 5"]


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_a_dump_that_ends_too_early_is_refused(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"d.json{suffix}", [item(one) for one in range(5000)])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(MissingError, match="cannot be read beyond line"):
        list(read_dump(path))


def test_what_is_no_dump_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("hello\nworld\n")
    with pytest.raises(MissingError, match="holds no entity"):
        list(read_dump(tmp_path / "x.json"))
    with pytest.raises(MissingError, match="no dump"):
        build_from_dump(tmp_path / "nothing.json", tmp_path / "kb")


def test_a_killed_build_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PIECE", 10)
    dump = written(tmp_path / "d.json.gz", [item(one) for one in range(47)])
    build_from_dump(dump, tmp_path / "whole")

    noted = build._note
    calls = []

    def note(*given: Any) -> None:
        noted(*given)
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(build, "_note", note)
    with pytest.raises(KeyboardInterrupt):
        build_from_dump(dump, tmp_path / "kb")
    assert not (tmp_path / "kb").exists()
    report = build_from_dump(dump, tmp_path / "kb")
    assert (report.kept, report.lines) == (47, 49)
    assert StoredKnowledgeBase(tmp_path / "kb").digest == StoredKnowledgeBase(tmp_path / "whole").digest
    assert len(calls) == 5
    assert not (tmp_path / "kb.pieces").exists()


def test_pieces_of_another_dump_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = written(tmp_path / "d.json")
    monkeypatch.setattr(build, "write_kb", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build_from_dump(dump, tmp_path / "kb")
    written(dump, ITEMS[:1])
    with pytest.raises(MissingError, match="pieces of another dump"):
        build_from_dump(dump, tmp_path / "kb")


def test_a_plain_dump_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text("[\n" + json.dumps(item(1)) + ",\n")
    with pytest.raises(MissingError, match="without the end of its list"):
        build_from_dump(tmp_path / "d.json", tmp_path / "kb")


def test_half_a_surrogate_and_a_repeated_item_do_not_stop_a_build(tmp_path: Path) -> None:
    twice = item(1, labels={"en": {"value": "Ada \ud800"}})
    report = build_from_dump(written(tmp_path / "d.json", [twice, item(2), twice]), tmp_path / "kb")
    kb = StoredKnowledgeBase(tmp_path / "kb")
    assert (kb.ids, kb["Q1"].name, report.repeated) == (("Q1", "Q2"), "Ada \ufffd", 1)
