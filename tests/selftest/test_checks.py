"""The selftest as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from robustmel.cli.entry import run as command_line
from robustmel.errors import UsageError
from robustmel.registry import Component
from robustmel.run.listener import ProgressListener
from robustmel.selftest import checks
from robustmel.selftest.fakes_check import FAKES
from robustmel.selftest.models_check import PLAIN, check_models, embedded, training_budget
from robustmel.selftest.planted import plant
from robustmel.selftest.tower_check import check_tower
from robustmel.selftest.verdict import Verdict, as_json, text
from robustmel.selftest.victim_report import runner

pytestmark = pytest.mark.usefixtures("short")

BROKEN = Path(__file__).with_name("broken_attacks.py")


@pytest.fixture
def small(textures: Component, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The selftest on textures, with one fake and no trained linker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "WORLD", textures)
    extent = checks.Extent(tower=24, fakes=24, defences=FAKES[:1], linkers=())
    monkeypatch.setattr(checks.selftest, "__defaults__", ((), None, extent, False))


@pytest.mark.usefixtures("small")
def test_all_is_well(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command_line(["selftest", "--workers", "1", "--out", "kept"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0].split() == ["victim", "known", "reported"]
    assert any(line.startswith("passed  fake: 8-bit step") for line in lines)
    assert "FAILED" not in told.out
    assert "pgd" in told.err  # progress
    assert "passed in" in told.err
    kept = json.loads((tmp_path / "kept" / "selftest.json").read_text())
    assert kept["passed"] is True
    assert len(list((tmp_path / "kept" / "runs").glob("*/report/index.html"))) == 6  # lists, pairs, every attack (3), fakes


@pytest.mark.usefixtures("small")
def test_a_broken_attack_exits_with_1_and_says_why(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command_line(["selftest", "--workers", "1", "--json", "--attack", f"{BROKEN}:WrongSign"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["passed"] is False
    faults = [fault for one in told["verdicts"] for fault in one["faults"]]
    assert any("goes the wrong way along the gradient" in fault for fault in faults)
    assert not any(one["victim"].startswith("fake") for one in told["verdicts"])
    assert list(tmp_path.iterdir()) == []  # nothing is left in the working directory


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--attack", "pgdd"], 'Did you mean "pgd"?'),
        (["--attack", f"{BROKEN}:NoBudget"], "has no parameter eps"),
        (["--out", "mine"], "holds no selftest"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_done(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    assert command_line(["selftest", *options]) == 2
    assert sentence in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"


def test_too_few_pictures_are_told(textures: Component, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the selftest needs 20"):
        plant(textures, "all", 12, tmp_path)


def test_the_embedded_linkers_are_found_and_what_the_robust_one_was_trained_for() -> None:
    assert {"clip-world", "siglip-world", "clip-robust-world"} <= set(embedded())
    assert training_budget() == 8


def test_a_flag_on_an_honest_linker_fails_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustmel.selftest.victim_report import VictimReport

    run = runner(tmp_path, 1, ProgressListener())
    (verdict,) = check_models([PLAIN], 6, run)
    assert verdict.passed
    monkeypatch.setattr(VictimReport, "flags", {"zero_gradients": ["pgd 8/255"]})
    (verdict,) = check_models([PLAIN], 6, run)
    assert verdict.faults == ("flag zero_gradients was raised on pgd 8/255, but this linker's gradients are honest",)


def test_the_closed_form_holds_on_photographs(shared_data: Path, tmp_path: Path) -> None:
    fields = {"gold": "entity_id", "surface": "mention"}
    photos = Component("jsonl", {"path": str(shared_data / "photos" / "grocery"), "fields": fields})
    _, pairs = plant(photos, "test", 24, tmp_path)
    verdicts = check_tower(pairs, runner(tmp_path / "runs", 1, ProgressListener()), [Component("pgd")])
    assert [one.faults for one in verdicts] == [()] * len(verdicts)


def test_the_table_wraps_and_gives_reasons() -> None:
    verdicts = [Verdict("tower", "50%", "a " * 40), Verdict("fake", "x", "y", ("it was believed",))]
    lines = text(verdicts, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("passed  tower   50%    a a a")
    assert lines[-2].startswith("FAILED  fake")
    assert lines[-1].strip() == "- it was believed."
    found: dict[str, Any] = json.loads(as_json(verdicts, 1.23))
    assert (found["passed"], found["seconds"], found["verdicts"][1]["faults"]) == (False, 1.2, ["it was believed"])
