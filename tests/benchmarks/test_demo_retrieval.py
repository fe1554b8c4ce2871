from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import demo_retrieval
from benchmarks.demo_retrieval import dense, drawn_records, lexical, records
from benchmarks.measure import Lines


def test_records_are_drawn_alike_every_time_and_hold_their_mentions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_retrieval, "MEL_DATA", Path("nowhere"))
    source, demos, asked = records(20, 5)
    assert (source, len(demos), len(asked)) == ("syllables", 20, 5)
    assert [(demo.mention, demo.text) for demo in demos] == drawn_records(25)[:20]
    assert all(query.surface in query.text for query in asked)
    assert not {demo.text for demo in demos} & {query.text for query in asked}


def test_the_lines_say_what_was_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"MEL_DATA": Path("nowhere"), "WIDTH": 64, "LAYERS": 1, "REPETITIONS": 1}.items():
        monkeypatch.setattr(demo_retrieval, name, value)
    _, demos, asked = records(60, 6)
    lines = Lines(threads=1)
    dense(demos, asked, tmp_path, lines)
    lexical(demos, asked, lines)
    lines.end()
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    shares = {line["job"]: line["share"] for line in printed if "share" in line}
    assert shares.pop("dense, as near as the peer's demonstrations") == 1
    assert all(0.5 < share <= 1 for share in shares.values())
    ways = [(line["library"], line["job"]) for line in printed if "ms_a_query" in line]
    assert ways[:3] == [("gemel's way", "dense"), ("robustmel", "dense"), ("robustmel, search alone", "dense")]
    assert ways[3:] == [("rank_bm25", "bm25"), ("robustmel", "bm25")]
    assert [line["job"] for line in printed if line["library"] == "ratio"] == ["dense", "bm25"]
