"""Measures of edited texts, beside the library's own reading of each text alone."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from robustmel.cli.entry import run
from robustmel.poisoning.stealth import Stealth

PAIRS = [
    ("The old walls of New Delhi", "The old red walls of New Delhi"),
    ("A city", "A city"),
    ("said the old city", "said the walls, painted"),
]


def test_similarity_and_perplexity_are_the_librarys(masked_folder: Path, opt_folder: Path) -> None:
    encoder: Any = AutoModel.from_pretrained(masked_folder, add_pooling_layer=False)
    model: Any = AutoModelForCausalLM.from_pretrained(opt_folder)
    readers: list[Any] = [AutoTokenizer.from_pretrained(folder) for folder in (masked_folder, opt_folder)]

    @torch.no_grad()
    def mean(text: str) -> torch.Tensor:
        return encoder(**readers[0](text, return_tensors="pt")).last_hidden_state[0].mean(0)  # type: ignore[no-any-return]

    @torch.no_grad()
    def perplexity(text: str) -> float:
        ids = [0, *readers[1](text, add_special_tokens=False)["input_ids"]]
        return float(model(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss.exp())

    measured = Stealth(str(masked_folder), str(opt_folder)).measures(PAIRS)
    for (before, after), values in zip(PAIRS, measured, strict=True):
        assert values["similarity"] == pytest.approx(float(torch.cosine_similarity(mean(before), mean(after), dim=0)), abs=1e-5)
        assert values["perplexity"] == pytest.approx(perplexity(after) / perplexity(before), rel=1e-4)
    assert measured[1] == pytest.approx({"similarity": 1.0, "perplexity": 1.0})
    assert Stealth(str(masked_folder)).measures([("", "a")])[0].keys() == {"similarity"}
    assert Stealth("", str(opt_folder)).measures([("", "a"), ("a", "b")])[0] == {}
    assert Stealth().measures(PAIRS) == [{}, {}, {}]


def test_the_command_writes_them_for_each_changed_record_and_their_medians(
    odd_data: Path, masked_folder: Path, opt_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = odd_data.parent
    options = [
        "--path",
        str(odd_data),
        "--attack",
        "qwerty",
        "--record-rate",
        "1",
        "--store",
        str(folder / "store"),
        "--out",
        str(folder / "out"),
    ]
    models = ["--encoder", str(masked_folder), "--language-model", str(opt_folder)]
    assert run(["poison", "jsonl", *options, *models]) == 0
    told = capsys.readouterr().err
    records = [json.loads(line) for line in (folder / "out" / "provenance.jsonl").read_text("utf-8").splitlines()]
    assert len(records) > 9
    for record in records:
        assert set(record.get("measures", {})) == ({"similarity", "perplexity"} if record["changed"] else set())
    medians = json.loads((folder / "out" / "poison.json").read_text())["measures"]
    values = sorted(record["measures"]["similarity"] for record in records if record["changed"])
    assert values[(len(values) - 1) // 2] <= medians["similarity"] <= values[len(values) // 2]
    assert f"similarity of {len(values)} edited texts: {medians['similarity']:.3f}" in told
    assert run(["poison", "jsonl", *options, *models]) == 0
    assert run(["poison", "jsonl", *options]) == 3  # measured otherwise
    assert "holds something else" in capsys.readouterr().err
    assert run(["poison", "jsonl", *options, "--encoder", str(folder / "gone")]) == 3


def test_what_an_attack_measures_itself_counts_for_edited_texts_alone(odd_data: Path, masked_folder: Path) -> None:
    folder = odd_data.parent
    attack = f"{{name = 'clare', model = '{masked_folder}', edit_rate = 0.01, min_similarity = -1.0}}"
    options = ["--path", str(odd_data), "--attack", attack, "--record-rate", "1", "--out", str(folder / "out")]
    assert run(["poison", "jsonl", *options, "--store", str(folder / "store")]) == 0
    records = [json.loads(line) for line in (folder / "out" / "provenance.jsonl").read_text("utf-8").splitlines()]
    assert {record["changed"] for record in records if record["chosen"]} == {True, False}
    for record in records:
        assert set(record.get("measures", {})) == ({"similarity"} if record["changed"] else set())
    values = [record["measures"]["similarity"] for record in records if record["changed"]]
    assert json.loads((folder / "out" / "poison.json").read_text())["measures"] == {"similarity": statistics.median(values)}
