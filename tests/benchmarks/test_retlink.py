from __future__ import annotations

import json

import pytest
from benchmarks import retlink
from benchmarks.measure import Lines


def test_calls_are_those_that_each_mode_needs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"VICTIMS": ("clip-world",), "ATTACKS": 1}.items():
        monkeypatch.setattr(retlink, name, value)
    retlink.measured(2, Lines(threads=1)).end()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    modes = {line["job"]: line for line in lines if line["library"] == "robustmel"}
    naive = modes["contextual"]["llm_calls_naive"]
    assert {mode: line["lvm_calls"] for mode, line in modes.items()} == {
        "extractive": 0,
        "rewrite": 0,
        "select": 4,
        "contextual": 4,
    }
    assert (modes["extractive"]["llm_calls"], modes["contextual"]["llm_calls"], modes["select"]["llm_calls"]) == (
        0,
        naive,
        naive,
    )
    assert 0 < modes["rewrite"]["llm_calls"] <= naive / 2  # two versions of each image ask about the same entities
    assert modes["contextual"]["tokens_read"] > modes["rewrite"]["tokens_read"] > 0
