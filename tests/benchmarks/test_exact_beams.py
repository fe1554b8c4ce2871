from __future__ import annotations

import json

import pytest
from benchmarks.exact_beams import against_the_proof
from benchmarks.measure import Lines


def test_the_line_says_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    against_the_proof(2, Lines(threads=1))
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert line["job"] == "the best of 268 names, gemel-news on world-news"
    assert line["queries"] == 2 >= line["proved"] >= line["proved_within_three_times"]
    assert 0 < line["times_the_beams"] <= line["times_at_most"]
