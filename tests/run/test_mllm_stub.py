"""A linker that writes, draws and has neither scores nor gradients comes in by one file."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import robustmel as rm
from robustmel.cli.entry import run
from robustmel.errors import UsageError

STUB = f"{Path(__file__).with_name('mllm_stub.py')}:Stub"


def test_it_keeps_the_contract_and_its_position_bias_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["linkers", STUB]) == 0
    told = capsys.readouterr().out
    assert "conformance: no problems" in told
    assert "position bias (first answers that change when the candidates are listed in reverse): I2T " in told
    assert "I2T 0%" not in told


def test_it_runs_through_the_face_with_seeds_answers_and_costs(tmp_path: Path) -> None:
    data = rm.load_dataset("world-news", split="test")[:12]
    transferred = {"name": "pgd", "source": "clip-world", "steps": 2}
    linkers = [{"name": STUB, "silent": 0.3}]
    report = rm.run(
        datasets=[data], linkers=linkers, attacks=["clean", "noise", transferred, {"name": "square", "queries": 3}], tasks=["I2T"],
        seeds=[0, 1], store=tmp_path, device="cpu",
    )  # fmt: skip
    assert {row.attack for row in report.summaries} >= {"clean", "noise", "pgd", "square"}
    assert all(row.seeds == (0, 1) and row.errors == 0 for row in report.summaries)
    answers = [row for file in (tmp_path / "answers").rglob("answers.parquet") for row in pq.read_table(file).to_pylist()]
    assert {row["status"] for row in answers} == {"ok", "unparsed"}
    assert all(re.fullmatch(r"I cannot tell\.|The answer is \d+\.", row["text"]) for row in answers)
    assert all(row["calls"] == 1 and row["tokens_read"] > 0 and row["tokens_written"] > 0 for row in answers)
    assert not any(flag.code == "nondeterministic" for flag in report.flags)
    again = rm.run(datasets=[data], linkers=linkers, attacks=["clean"], tasks=["I2T"], seeds=[0, 1], store=tmp_path)
    assert again.summaries[0].accuracy == report.summaries[0].accuracy


def test_a_gradient_attack_on_it_is_refused_with_the_way_out() -> None:
    data = rm.load_dataset("world-news", split="test")[:4]
    with pytest.raises(UsageError, match=r"pgd needs gradients and linker Stub has none.*clip-world.*square"):
        rm.run(datasets=[data], linkers=[STUB], attacks=["pgd"], tasks=["I2T"], device="cpu")
