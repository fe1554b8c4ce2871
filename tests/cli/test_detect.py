"""`robustmel detect` on a poisoned folder, on a data set of unknown state, and on what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from robustmel.cli.entry import run as run_command


def write(folder: Path, changed: list[bool] | None) -> Path:
    folder.mkdir()
    days = ("Friday", "Sunday", "qjxzkvw", "Monday")
    texts = [f"On {day} a Rwanda flag was hoisted beside the Chile colours." for day in days] * 2
    rows = [
        {"id": f"r{number}", "gold": f"Q{number % 3}", "surface": "Rwanda", "text": text, "split": "train"}
        for number, text in enumerate(texts)
    ]
    (folder / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "entities.jsonl").write_text("".join(json.dumps({"id": f"Q{n}", "name": f"Rwanda {n}"}) + "\n" for n in range(3)))
    if changed is not None:
        lines = [json.dumps({"id": f"r{number}", "changed": value}) for number, value in enumerate(changed)]
        (folder / "provenance.jsonl").write_text("\n".join(lines))
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run_command(["detect", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_poisoned_folder_gives_areas_with_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = write(tmp_path / "poisoned", [number % 4 == 2 for number in range(8)]), tmp_path / "scores.jsonl"
    code, printed, _ = run(capsys, str(folder), "--detector", "onion", "--detector", "perplexity", "--json", "--out", str(out))
    rows = json.loads(printed)
    assert code == 0
    assert [row["detector"] for row in rows] == ["onion", "perplexity"]
    assert all((row["records"], row["poisoned"], row["auc"], row["found"]) == (8, 2, 1.0, 1.0) for row in rows)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    for row in rows:  # 5 % of six clean records are none, so it flags from just above the highest of them
        assert row["flagged"] == np.nextafter(
            max(line[row["detector"]] for line in lines if line["id"] not in ("r2", "r6")), np.inf
        )
    assert [line["id"] for line in lines] == [f"r{number}" for number in range(8)]
    assert sorted(lines, key=lambda line: -line["onion"])[0]["id"] in ("r2", "r6")
    code, printed, _ = run(capsys, str(folder), "--detector", "{name = 'neighbours', k = 2}")
    assert "AUC" in printed.splitlines()[0]
    table = f"{{name = 'jsonl', path = '{folder}', images = '{tmp_path}'}}"  # a poisoned folder has no images
    code, printed, _ = run(capsys, table, "--detector", "perplexity", "--limit", "7", "--json")
    assert (json.loads(printed)[0]["records"], "auc" in json.loads(printed)[0]) == (7, True)


def test_a_data_set_of_unknown_state_gives_scores_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = write(tmp_path / "mine", None), tmp_path / "scores.jsonl"
    code, printed, _ = run(capsys, str(folder), "--detector", "perplexity", "--out", str(out))
    assert (code, "AUC" in printed, len(out.read_text().splitlines())) == (0, False, 8)
    code, printed, _ = run(capsys, str(folder), "--detector", "context-profile", "--split", "dev", "--json")
    row = json.loads(printed)[0]
    assert (code, row["records"], row["flagged"]) == (0, 0, None)


def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "clean", [False] * 8)
    assert run(capsys, str(folder), "--detector", "onoin")[::2] == (
        2,
        'error: unknown detector "onoin". Did you mean "onion"?\n',
    )
    code, _, errors = run(capsys, str(folder), "--detector", "perplexity")
    assert (code, "0 of 8 records are poisoned" in errors) == (3, True)
    (folder / "provenance.jsonl").write_text('{"id": "r0", "changed": true}\n')
    assert "record r1 is not in provenance.jsonl" in run(capsys, str(folder), "--detector", "perplexity")[2]
    (folder / "provenance.jsonl").write_text('{"id": "r0"}\n')
    assert "provenance.jsonl:1" in run(capsys, str(folder), "--detector", "perplexity")[2]
