"""`robustmel attacks` and `robustmel defences` list all kinds, and explain one of each."""

from __future__ import annotations

import pytest

from robustmel.attacks import ATTACKS
from robustmel.cli.entry import run
from robustmel.defences import DEFENCES
from robustmel.defences.detectors import DETECTORS


def test_every_defence_and_detector_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["defences"]) == 0
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line}
    assert {*DEFENCES, *DETECTORS} <= listed
    for name, parameter in (("modality-gate", "nearest = 3"), ("neighbours", "k = 10")):
        assert run(["defences", name]) == 0
        assert parameter in capsys.readouterr().out
    assert run(["defences", "modality-gat"]) == 2


def test_attacks_are_listed_under_what_they_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attacks"]) == 0
    groups = [part.splitlines() for part in capsys.readouterr().out.split("\n\n")]
    names = {lines[0]: {line.split()[0] for line in lines[1:]} for lines in groups}
    assert set.union(*names.values()) == set(ATTACKS)
    assert {"cw", "typographic"} <= names["On images:"]
    assert {"clare", "trigger"} <= names["On texts:"]
    assert "vandalism" in names["On pages of the knowledge base:"]
