from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import demo_retrieval, shared_prompts
from benchmarks.measure import Lines


def test_the_lines_say_what_each_order_saves(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Few records: most queries share no word with any of them, so that the pool's first ones are shown to all."""
    monkeypatch.setattr(demo_retrieval, "MEL_DATA", Path("nowhere"))
    monkeypatch.setattr(shared_prompts, "DEMOS", 4)
    shared_prompts.sharing(4, Lines(threads=1), demos=12, width=64, layers=1)
    printed = {line["order"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(printed) == ["similar_last", "pool"]
    assert printed["pool"]["tokens_of_the_prompts"] == printed["similar_last"]["tokens_of_the_prompts"]
    assert printed["pool"]["share_read"] < 1
    assert all(set(line["tokens_a_second"]) == {"whole", "beginnings once"} for line in printed.values())
