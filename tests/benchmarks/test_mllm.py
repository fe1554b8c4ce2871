from __future__ import annotations

import json

import pytest
from benchmarks.measure import Lines
from benchmarks.mllm import endpoint, families, flown

import robustmel as rm


def test_every_way_ranks_alike_and_a_run_that_goes_on_calls_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.mllm.FAMILIES", ("minigpt4-world",))
    lines = Lines(threads=1)
    families(3, 1, lines)
    data = rm.load_dataset("world-news", split="test")[:4]
    queries = [mention.query("", mention.candidates) for mention in data.mentions]
    with endpoint(lambda _: {"choices": [{"message": {"content": "1"}, "finish_reason": "stop"}]}) as address:
        flown("here", "m", address, data.kb, queries, (1, 2), lines)
    assert lines.end(check=True) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["same_answers"] for line in printed[:4]] == [3, 3, 3, 3]
    assert [(line["calls"], line["resumed_calls"]) for line in printed[4:6]] == [(4, 0), (4, 0)]
    assert {line["way"] for line in printed[:4]} == {"library", "each candidate", "one mention", "batched"}
