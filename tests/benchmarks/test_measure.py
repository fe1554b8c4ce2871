from __future__ import annotations

import json
import statistics

import pytest
from benchmarks.measure import Figure, Lines, relative, turns, version


def test_a_busy_spell_slows_a_library_and_its_neighbour_alike_and_cancels() -> None:
    bare = [1.0, 1.1, 3.0, 0.9, 2.0]
    ours = [1.05 * one for one in bare]
    found = relative(ours, bare)
    assert found.value == pytest.approx(1.05)
    assert found.noise == pytest.approx(0, abs=1e-9)
    assert found.above(1.0)
    assert not found.above(1.1)


def test_what_lies_within_the_noise_breaks_no_bound() -> None:
    noisy = Figure.of([1.0, 1.3, 1.12, 0.9, 1.25])
    assert noisy.value == statistics.median([1.0, 1.3, 1.12, 0.9, 1.25])
    assert noisy.value > 1.1
    assert not noisy.above(1.1)
    assert not Figure.of([1.5, 1.5]).above(1.1)  # two values say nothing of the noise
    assert Figure.of([1.5, 1.5, 1.5]).above(1.1)


def test_libraries_take_turns_and_the_first_turn_does_not_count() -> None:
    order: list[str] = []
    found = turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 4
    assert [len(found[name]) for name in "ab"] == [3, 3]


def test_ratios_come_last_and_say_how_much_dearer_the_peer_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines(threads=1)
    lines.ratio("pgd", 3.0, 2.0, peer="foolbox")
    lines.tell("robustmel", "pgd", cpu_seconds=2.0)
    lines.tell("nowhere", "pgd", skipped="not installed")
    lines.expect("pgd", "kept", True)
    lines.expect("pgd", "3 passes, at most 2", False)
    lines.end()
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["library"] for line in told] == ["robustmel", "nowhere", "ratio"]
    assert told[-1] == {"library": "ratio", "job": "pgd", "value": 1.5, "peer": "foolbox", "threads": 1}
    assert told[0]["version"] == version("robustmel")
    assert told[1]["version"] is None
    assert lines.broken == ["pgd: 3 passes, at most 2"]
