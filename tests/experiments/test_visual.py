"""The visual-attack paper's tables, its sentences about them, and the same tables in its shape."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from robustmel.cli.entry import run
from robustmel.errors import UsageError
from robustmel.experiments.visual.claims import agrees, claims_text, computed, gains, read_claims
from robustmel.experiments.visual.comparison_table import legend, paper_figures, table_sheets
from robustmel.experiments.visual.context_probe import named_share
from robustmel.experiments.visual.made_up_names import names_grid
from robustmel.experiments.visual.paper_tables import chosen, paper_rows, repeated_rows
from robustmel.experiments.visual.run_table import folded
from robustmel.experiments.visual.setup import QUICK, TABLES, read_setup
from robustmel.report.tables import text
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.store import Store
from robustmel.training.mllm import described
from robustmel.types import Cell, Entity, Prediction, Usage

ROOT = Path(__file__).parents[2]
PAPER = ROOT.parent / "shared" / "papers" / "visual_attacks.csv"


def claim(words: str) -> Any:
    return next(claim for claim in read_claims() if words in claim["quote"])


def test_the_tables_have_all_cells_of_the_paper() -> None:
    assert Counter(row.table for row in paper_rows()) == {"table2": 60, "table3": 60, "table4": 60}
    assert {len(row.accuracy) for row in paper_rows()} == {7}
    (clip,) = chosen(linker="CLIP", dataset="Wikidata-MEL", task="i2t", defence="none")
    assert (clip.raw, *clip.attacked) == (50.1, 31.4, 28.3, 32.6, 33.1, 24.3, 23.2)  # as printed


def test_the_packaged_figures_are_those_of_the_source() -> None:
    if not PAPER.is_file():
        pytest.skip(f"no {PAPER.name} beside the checkout")
    packaged = (ROOT / "src/robustmel/experiments/visual/visual_attacks.csv").read_text("utf-8")
    assert packaged.partition("\n")[2] == PAPER.read_text("utf-8")


def test_the_page_holds_what_the_code_computes() -> None:
    page = (ROOT / "docs" / "visual-paper.md").read_text("utf-8")
    assert claims_text().strip() in page


def test_five_rows_repeat_one_of_them_but_for_a_cell() -> None:
    pairs = {(one.linker, one.defence, one.dataset, other.dataset) for one, other in repeated_rows()}
    assert pairs == {
        ("OWL-ViT", "none", "Richpedia-MEL", "M3EL"),
        ("SigLIP", "llm-retlink", "Richpedia-MEL", "M3EL"),
        ("LLaVA", "none", "Wikidata-MEL", "WIKIPerson"),
        ("MiniGPT-4", "none", "Wikidata-MEL", "WIKIPerson"),
        ("Qwen2.5-VL", "none", "Wikidata-MEL", "WIKIPerson"),
    }
    assert {one.attacked == other.attacked for one, other in repeated_rows() if one.linker != "Qwen2.5-VL"} == {True}


def test_claims_are_judged_to_the_digit() -> None:
    assert len(gains()) == 630
    assert sum(gain < 0 for gain in gains()) == 15
    misquoted = claim("CLIP's accuracy under APGD-S")
    assert computed(misquoted) == [20.0, 54.8]
    assert not agrees(misquoted)
    assert "(12.7 is CW-S)" in claims_text()
    assert agrees(claim("FLAVA increases"))
    assert not agrees(claim("all models experience"))
    assert agrees(claim("MiniGPT-4* on the Richpedia-MEL"))


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_planned_and_has_a_row_for_each_of_the_paper_s_linkers(name: str, tmp_path: Path) -> None:
    setup = read_setup(name, quick=True, linkers=None if name == "table4" else {"CLIP": "clip-world"})
    assert set(setup.linkers) <= {row.linker for row in chosen(table=name)}
    assert expand(setup.grid, Builder(Store(tmp_path / "store"))).jobs


def test_real_checkpoints_and_data_sets_are_named_in_place_of_the_embedded_ones() -> None:
    model = '{name = "clip", model = "openai/clip-vit-base-patch32"}'
    setup = read_setup("table3", ['{name = "wikidata-mel", path = "W.json"}'], {"CLIP": model}, limit=7)
    assert [component.title for component in setup.grid.linkers] == ["CLIP"]
    assert setup.linkers == {"CLIP": "CLIP"}
    assert (setup.grid.datasets[0].name, setup.grid.limit) == ("wikidata-mel", 7)
    assert len([spec for spec in setup.grid.attacks if spec.attack.name in ("pgd", "apgd", "cw")]) == 12  # static and adaptive
    undefended = read_setup("table3", undefended=True).grid
    assert [defence.name for defence in undefended.defences] == ["none"]
    with pytest.raises(UsageError, match='table2 has no row "CLAP"'):
        read_setup("table2", linkers={"CLAP": "clip-world"})


def summary(attack: str, accuracy: float, **change: Any) -> Any:
    source = change.pop("source_linker", "clip-world" if attack not in ("clean", "noise-normal") else "")
    fields = {
        "dataset": "wikidata", "task": "I2T", "linker": "clip-world", "defence": "none", "white_box": True, "worst_case": False,
        "attack": attack, "accuracy": accuracy, "ci_low": 0.1, "ci_high": 0.9, "clean": attack == "clean",
    } | change  # fmt: skip
    by = "none" if attack == "clean" else f"{fields['white_box']}"
    cell = Cell(fields["dataset"], fields["task"], fields["linker"], fields["defence"], by, attack, source_linker=source)
    return SimpleNamespace(**fields, cell=cell)


def answer(calls: int, seconds: float) -> Prediction:
    return Prediction("q", usage=Usage(calls), seconds=seconds)


def test_our_figures_stand_above_the_paper_s_and_the_difference_and_linking_has_its_cost() -> None:
    setup = read_setup("table3", ['{name = "wikidata-mel", path = "W.json", label = "wikidata"}'], {"CLIP": "clip-world"})
    rows = [
        summary("clean", 0.5),
        summary("pgd-normal", 0.25),
        summary("clean", 0.6, defence="retlink"),
        summary("pgd-normal", 0.2, defence="retlink"),
        summary("pgd-normal", 0.4, defence="retlink", white_box=False),
    ]
    costs = {"one": [answer(1, 0.2), answer(2, 0.4)], "two": [answer(3, 0.6)], "other": [answer(50, 50.0)]}
    cells = [SimpleNamespace(cell=replace(row.cell, seed=0), evaluations=()) for row in rows]
    for place, key in ((0, "one"), (1, "two"), (1, "one"), (3, "other")):
        cells[place].evaluations += (SimpleNamespace(answers=key),)
    run = SimpleNamespace(cells=cells, answers=lambda cell, evaluation: iter(costs[evaluation.answers]))
    report: Any = SimpleNamespace(summaries=rows, run=run)
    sheet = next(iter(table_sheets(setup, report)))
    assert [line[1] for line in sheet.lines] == [
        kind for row in ("none", "static", "adaptive") for kind in (row, "paper", "difference")
    ]
    assert [line[2:4] for line in sheet.lines[:3]] == [("50.0\n(10–90)", "25.0\n(10–90)"), ("50.1", "31.4"), ("-0.1", "-6.4")]
    assert [sheet.lines[row][2:4] for row in (3, 6)] == [
        ("60.0\n(10–90)", "40.0\n(10–90)"), ("60.0\n(10–90)", "20.0\n(10–90)"),
    ]  # fmt: skip
    assert sheet.lines[3][4] == "–"
    assert [line[-2:] for line in sheet.lines[:4]] == [("2.0", "0.400"), ("", ""), ("", ""), ("", "")]  # each answer once
    assert sheet.lines[6][-2:] == ("50.0", "50.000")
    assert [line[:4] for line in folded(sheet).lines[:3]] == [
        ("clip-world", "none", "50.0", "25.0"), ("clip-world", "interval", "10–90", "10–90"), ("clip-world", "paper", "50.1", "31.4"),
    ]  # fmt: skip
    assert any("its row behind LLM-RetLink" in line for line in legend(setup, report))


@pytest.mark.parametrize("name", ["table3", "table4"])
def test_a_table_fits_a_hundred_columns(name: str) -> None:
    setup = read_setup(name)
    cells = [("clean", "none", True, ""), ("pgd-strong", "none", True, ""), ("pgd-strong", "retlink", True, "")]
    rows = [
        summary(attack, 1.0, linker=linker, defence=defence, white_box=known, ci_low=0.86, ci_high=1.0)
        for linker in setup.linkers.values()
        for attack, defence, known, _ in cells
    ]
    answered = SimpleNamespace(cell=rows[1].cell, evaluations=(SimpleNamespace(answers="it"),))
    run = SimpleNamespace(cells=(answered,), answers=lambda *_: [answer(1, 12.3)])
    report: Any = SimpleNamespace(summaries=rows, run=run)
    gap: Any = SimpleNamespace(value=0.915, low=-0.05, high=0.954)
    lost = {("wikidata", "I2T", linker): gap for linker in setup.linkers.values()} if setup.names else None
    sheets = list(filter(attrgetter("lines"), table_sheets(setup, report, lost)))
    for sheet in sheets:
        (heading,) = (line for line in text.render(folded(sheet), 100).splitlines() if line.startswith("linker"))  # one block
        assert len(heading) <= 100
    assert [line[-1] for line in sheets[-1].lines[:2]] == (["91.5\n(-5 to 95)", "–"] if name == "table4" else ["", "–"])


def test_names_are_made_up_in_every_data_set_of_a_table() -> None:
    grid = names_grid(read_setup("table4", quick=True).grid)
    assert [dataset.title for dataset in grid.datasets] == ["world-news", "renamed"]
    assert [spec.attack.name for spec in grid.attacks] == ["clean"]
    assert grid.limit == QUICK  # the same mentions: drawn by their ids


def test_another_defence_may_be_named() -> None:
    setup = read_setup("table3", defence='{name = "retlink", mode = "template", label = "template"}', quick=True)
    assert [defence.title for defence in setup.grid.defences] == ["none", "template"]
    assert setup.defence == "template"
    with pytest.raises(UsageError, match="choose one"):
        read_setup("table3", undefended=True, defence="retlink")


def test_a_data_set_of_nobody_s_stands_beside_the_mean_and_repeated_rows_are_marked() -> None:
    raw = [row.raw for row in chosen(linker="OWL-ViT", task="i2t", defence="none")]
    figures, repeated = paper_figures("OWL-ViT", None, "I2T", defended=False)
    assert figures[0] == pytest.approx(sum(raw) / 5)
    assert repeated
    assert not paper_figures("OWL-ViT", "WikiDiverse", "I2T", defended=False)[1]


def test_the_command_prints_the_claims_and_keeps_options_to_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "visual-claims"]) == 0
    assert capsys.readouterr().out == claims_text()
    assert run(["reproduce"]) == 0
    listed = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert listed.keys() >= {"table4", "figure1", "poisoning"}
    assert run(["reproduce", "tabel2"]) == 2
    assert 'Did you mean "table2"?' in capsys.readouterr().err
    assert run(["reproduce", "poisoning", "--limit", "3"]) == 2
    assert "are for table2, table3 and table4" in capsys.readouterr().err
    assert run(["reproduce", "table2", "--linker", "clip-world"]) == 2
    assert "write ROW=LINKER" in capsys.readouterr().err


def test_a_description_is_held_against_the_entity_s_own_words() -> None:
    entity = Entity("Q1", "Albania", description="country", text="Its flag is red with a black eagle.")
    truth = described(entity).split(", ")
    assert named_share(", ".join(truth), entity) == (1.0, 1.0)
    assert named_share(f"{truth[0]}, purple", entity) == (1 / len(truth), 0.5)
    assert named_share("", entity) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["figure1", "visual-claims"])
def test_what_is_about_the_embedded_world_takes_no_other_data(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", name, "--dataset", "wikidiverse"]) == 2
    assert f"{name} takes no datasets" in capsys.readouterr().err
