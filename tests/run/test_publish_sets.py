"""Several attacks of one command: a set of each, the clean images once, and an audit that finds nothing against them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from robustmel.audit import audit
from robustmel.cli.entry import run
from robustmel.images import decode, write_png

LINKER = f"{Path(__file__).parent / 'colour_linker.py'}:ColourLinker"


@pytest.fixture
def sets(colour_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    data = f'{{name = "jsonl", path = "{colour_data}", label = "colours"}}'
    pgd = '{name = "pgd", eps = 0.6, step_size = 0.1, steps = 3, label = "far"}'
    asked = [
        "perturb",
        data,
        "--linker",
        LINKER,
        "--attack",
        pgd,
        "--attack",
        '{name = "noise", eps = "8/255", label = "noise"}',
    ]
    for _ in range(2):  # a second time it is there already
        assert run([*asked, "--out", "sets", "--device", "cpu"]) == 0
    return tmp_path / "sets"


def test_a_folder_of_sets_has_a_card_and_checksums_and_passes_the_audit(sets: Path) -> None:
    assert {path.name for path in sets.iterdir()} == {"far", "noise", "clean", "README.md", "checksums.sha256"}
    subprocess.run(["sha256sum", "--check", "--quiet", "checksums.sha256"], cwd=sets, check=True)
    assert "| `far/` | far | 0.6 |" in (sets / "README.md").read_text("utf-8")
    for name, levels in (("far", 153), ("noise", 8)):
        found = audit(sets / name, sets / "clean", linkers=[LINKER])
        assert found.sound, [str(finding) for finding in found.findings]
        assert max(change.linf for change in found.changes.values()) == pytest.approx(levels / 255)
    (linker,) = audit(sets / "far", sets / "clean", linkers=[LINKER]).fooled
    assert any(linker.broken)


def test_the_audit_of_a_folder_looks_at_every_set_in_it(sets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", str(sets), "--no-linkers"]) == 0
    damaged = min((sets / "noise" / "images").iterdir())
    pixels = decode(damaged)
    write_png(damaged, 255 - pixels)
    capsys.readouterr()
    assert run(["audit", str(sets), "--no-linkers"]) == 1
    told = capsys.readouterr().out
    assert told.count("nothing wrong was found") == 1
    assert f"1 image other than the files that the set's own checksums name: {damaged.stem}." in told


def test_another_folder_is_not_written_into(sets: Path, colour_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sets / "mine.txt").write_text("")
    asked = [
        "perturb",
        f'{{name = "jsonl", path = "{colour_data}"}}',
        "--linker",
        LINKER,
        "--attack",
        "noise",
        "--out",
        str(sets),
    ]
    assert run([*asked, "--attack", '{name = "noise", label = "again"}']) == 3
    assert "holds something else" in capsys.readouterr().err
