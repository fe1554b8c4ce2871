"""What is printed of the progress where there is no terminal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from robustmel import progress


def test_a_line_an_artefact_and_one_every_half_minute_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = 0.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock))
    long: Any = SimpleNamespace(key="a", title="pgd on clip-world")
    short: Any = SimpleNamespace(key="b", title="clip-world answers")
    with progress.progress_display() as lines:
        pass
    lines.planned(12)
    lines.begun(long)
    lines.advanced(long, 20, 100)  # twenty were there from before: they say nothing of the speed
    for done in range(21, 101):
        clock += 10
        lines.advanced(long, done, 100)
    lines.finished(long)
    lines.begun(short)
    lines.advanced(short, 0, 1)
    lines.advanced(short, 1, 1)
    lines.finished(short)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "[ 1/12] pgd on clip-world"
    assert told[-1] == "[ 2/12] clip-world answers"
    assert told[1] == "  pgd on clip-world: 23% done, about 13 min left"  # 77 shards of 10 s
    assert told[-2] == "  pgd on clip-world: 98% done, about 20 s left"
    assert len(told) == 2 + 26  # every third of 80 shards


def test_a_display_that_serves_two_runs_counts_on(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_display() as lines:
        for planned in (1, 2):
            lines.planned(planned)
            for number in range(planned):
                job: Any = SimpleNamespace(key=f"{planned}{number}", title="a job")
                lines.begun(job)
                lines.finished(job)
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["[1/1]", "[2/3]", "[3/3]"]


def test_alike_things_are_told_every_half_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = 0.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock))
    with progress.counted("steps") as told:
        for done in range(101, 2001):  # a hundred were there from before
            clock += 1
            told(done, 2000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "steps: 131 of 2,000, 7% done, about 31 min left"  # 30 steps in 30 s, 1,869 to go
    assert len(lines) == 1899 // 30
