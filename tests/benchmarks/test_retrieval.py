from __future__ import annotations

import json

import pytest
from benchmarks import retrieval


def test_both_sides_answer_the_same_and_every_figure_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "REPETITIONS", 1)
    assert retrieval.entities(300)[:100] == retrieval.entities(100)
    assert retrieval.main(300, 10) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["library"], line["job"]) for line in printed] == [
        ("robustmel", "build"),
        ("bm25s", "build"),
        ("robustmel", "any word"),
        ("bm25s", "any word"),
        ("robustmel", "name and word"),
        ("ratio", "build"),
        ("ratio", "any word"),
    ]
    assert printed[2]["same best"] == 1
