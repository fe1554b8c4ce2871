"""`robustmel defences` lists both kinds, and explains one of either."""

from __future__ import annotations

import pytest

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
