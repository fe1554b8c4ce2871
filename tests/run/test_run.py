from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from robustmel.errors import MissingError, UsageError
from robustmel.report import build
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import Grid, parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import Finished, run_grid
from robustmel.run.store import Store

LINKER = str(Path(__file__).parent / "colour_linker.py")


def colour_grid(data: Path, **change: Any) -> Grid:
    table: dict[str, Any] = {
        "datasets": [{"name": "jsonl", "path": str(data)}],
        "linkers": [{"name": f"{LINKER}:ColourLinker", "label": "colour"}],
        "tasks": ["I2T", "IT2T", "T2T"],
        "attacks": ["clean", {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 10, "label": "pgd"}],
        "batch_size": 4,
    }
    return parse_grid({**table, **change})


def run(grid: Any, folder: Path, name: str = "out", store: str = "store", workers: int = 1) -> Finished:
    return run_grid(grid, folder / name, Store(folder / store), workers, "cpu", ProgressListener())


def rows(folder: Path, out: str = "out") -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """(task, attack, view) -> prediction rows."""
    manifest = json.loads((folder / out / "run.json").read_text())
    found = {}
    for cell in manifest["cells"]:
        for view in cell["evaluations"]:
            path = Store(folder / "store").path("answers", view["answers"]) / "answers.parquet"
            found[cell["task"], cell["attack"], view["name"]] = pq.read_table(path).to_pylist()
    return found


def test_a_grid_runs_from_images_to_rows(colour_data: Path, tmp_path: Path) -> None:
    finished = run(colour_grid(colour_data), tmp_path)
    found = rows(tmp_path)
    assert finished.errors == 0
    assert {key for key in found if key[1] == "pgd"} == {
        ("I2T", "pgd", "image"), ("IT2T", "pgd", "image"), ("IT2T", "pgd", "fused"), ("T2T", "pgd", "untouched")
    }  # fmt: skip
    gold = pq.read_table(next((tmp_path / "store" / "candidates").glob("*/*/candidates.parquet"))).to_pylist()
    answers = {row["id"]: row["gold"] for row in gold}
    right = {key: sum(row["ranked"][0] == answers[row["id"]] for row in value) for key, value in found.items()}
    assert right["I2T", "clean", "clean"] == 18
    assert right["I2T", "pgd", "image"] < 9
    assert right["T2T", "pgd", "untouched"] == right["T2T", "clean", "clean"] == 18
    assert all(len(value) == 18 for value in found.values())


def test_one_perturbed_set_serves_every_cell_whose_attack_is_the_same(colour_data: Path, tmp_path: Path) -> None:
    plan = expand(colour_grid(colour_data), Builder(Store(tmp_path / "store"), "cpu"))
    variants = {job.key for job in plan.jobs if job.kind == "variant"}
    assert len(variants) == 2  # the image view (I2T and IT2T read it) and the fused view
    assert sorted(plan.consumers.values()) == [1, 2]
    text_rows = {one.answers.key for planned in plan.cells if planned.cell.task == "T2T" for one in planned.evaluations}
    assert len(text_rows) == 1  # no attack on images reaches the text-only floor


def test_a_finished_run_does_no_work_and_a_larger_grid_only_the_rest(colour_data: Path, tmp_path: Path) -> None:
    first = run(colour_grid(colour_data), tmp_path)
    assert run(colour_grid(colour_data), tmp_path).made == 0
    more = run(
        colour_grid(colour_data, attacks=["clean", {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 10}, "noise"]),
        tmp_path,
    )
    assert first.made > 0
    assert more.made == 2 + 3  # a noisy set for I2T, which IT2T shares, a second one for IT2T, and the rows of each


def test_the_number_of_workers_changes_nothing(colour_data: Path, tmp_path: Path) -> None:
    run(colour_grid(colour_data), tmp_path, "one", "store one", workers=1)
    run(colour_grid(colour_data), tmp_path, "two", "store two", workers=2)
    images = {store: _images(tmp_path / f"store {store}") for store in ("one", "two")}
    assert images["one"] == images["two"]
    assert images["one"]
    one, two = (json.loads((tmp_path / name / "run.json").read_text())["cells"] for name in ("one", "two"))
    assert one == two


def _images(store: Path) -> dict[str, bytes]:
    return {f"{path.parent.parent.name}/{path.name}": path.read_bytes() for path in store.glob("variant/*/*/images/*.png")}


def test_edited_data_meets_no_old_result(colour_data: Path, tmp_path: Path) -> None:
    run(colour_grid(colour_data), tmp_path)
    image = colour_data / "images" / "0.png"
    image.write_bytes((colour_data / "images" / "1.png").read_bytes())
    assert run(colour_grid(colour_data), tmp_path).made > 0


def test_a_run_says_what_is_made_anew_and_why(colour_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(colour_grid(colour_data), tmp_path)
    assert not caplog.messages
    (colour_data / "images" / "0.png").write_bytes((colour_data / "images" / "1.png").read_bytes())
    run(colour_grid(colour_data, attacks=[{"name": "pgd", "eps": 0.5, "label": "pgd"}]), tmp_path)
    assert [message.split(" has changed")[0] for message in caplog.messages] == ["data set colours", "attack pgd"]


def test_odd_strings_go_through_every_stage(colour_data: Path, tmp_path: Path) -> None:
    odd = [
        "",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\u202e\u05e9\u05dc\u05d5\u05dd",
        "x" * 10_000,
        "a\x00b",
        "lone \ud800 half",
        "<script>alert(1)</script>",
    ]
    lines = [json.loads(line) for line in (colour_data / "mentions.jsonl").read_text().splitlines()]
    for line, text in zip(lines, odd, strict=False):
        line.update(text=text, surface=text[:200])
    (colour_data / "mentions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run(colour_grid(colour_data, tasks=["I2T", "T2T"]), tmp_path)
    built = build(tmp_path / "out", tmp_path / "store")
    assert all(summary.n == 18 for summary in built.summaries)
    page = built.write_page().read_text()
    assert "<script>alert(1)" not in page
    for written in (built.text(), built.to_markdown(), built.to_latex(), built.to_csv(), built.to_json()):
        written.encode()


def test_an_edited_plug_in_meets_no_old_result(colour_data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "mine.py"
    copy.write_text(Path(LINKER).read_text())
    linkers = [{"name": f"{copy}:ColourLinker", "label": "colour"}]
    run(colour_grid(colour_data, linkers=linkers), tmp_path)
    copy.write_text(Path(LINKER).read_text() + "\n# changed\n")
    assert run(colour_grid(colour_data, linkers=linkers), tmp_path).made > 0


def test_seeds_see_the_same_mentions_and_deterministic_parts_are_shared(colour_data: Path, tmp_path: Path) -> None:
    plan = expand(colour_grid(colour_data, seeds=[0, 1], limit=5), Builder(Store(tmp_path / "store"), "cpu"))
    assert sum(job.kind == "candidates" for job in plan.jobs) == 1
    assert sum(job.kind == "variant" for job in plan.jobs) == 2 * 2  # PGD starts at random
    drawn = expand(colour_grid(colour_data, seeds=[0, 1], attacks=["cw"]), Builder(Store(tmp_path / "store"), "cpu"))
    assert sum(job.kind == "variant" for job in drawn.jobs) == 2  # CW draws nothing: the image view and the fused one
    clean = {
        planned.evaluations[0].answers.key
        for planned in plan.cells
        if planned.cell.attack == "clean" and planned.cell.task == "I2T"
    }
    assert len(clean) == 1


def test_a_fraction_is_the_number_it_stands_for(colour_data: Path, tmp_path: Path) -> None:
    plans = [
        expand(colour_grid(colour_data, attacks=[{"name": "pgd", **written}]), Builder(Store(tmp_path / "store"), "cpu"))
        for written in ({"eps": "8/255"}, {"eps": 8 / 255}, {"strength": "normal"}, {})
    ]
    assert len({frozenset(job.key for job in plan.jobs) for plan in plans}) == 1


def test_a_limit_keeps_a_nested_sample(colour_data: Path, tmp_path: Path) -> None:
    shop = Builder(Store(tmp_path / "store"), "cpu")
    component = colour_grid(colour_data).datasets[0]
    small = {mention.id for mention in shop.sampled(component, "test", 4, 0)[1]}
    large = {mention.id for mention in shop.sampled(component, "test", 9, 0)[1]}
    assert len(small) == 4
    assert small < large
    assert {mention.id for mention in shop.sampled(component, "test", 4, 1)[1]} != small


def test_missing_and_broken_images_are_rows_with_an_error(colour_data: Path, tmp_path: Path) -> None:
    (colour_data / "images" / "3.png").unlink()
    (colour_data / "images" / "4.png").write_text("<html>not found</html>")
    finished = run(colour_grid(colour_data), tmp_path)
    found = rows(tmp_path)
    assert sorted(filter(None, (row["error"] for row in found["I2T", "pgd", "image"]))) == ["image_decode", "image_missing"]
    assert all(row["error"] is None for row in found["T2T", "clean", "clean"])
    assert all(len(value) == 18 for value in found.values())
    assert finished.errors == 2 * 5
    log = pq.read_table(next((tmp_path / "store" / "variant").glob("*/*/log.parquet"))).to_pylist()
    assert sorted(row["status"] for row in log if row["status"] != "ok") == ["error:image_decode", "error:image_missing"]


def test_a_linker_that_fails_on_one_mention_answers_the_others(colour_data: Path, tmp_path: Path) -> None:
    lines = (colour_data / "mentions.jsonl").read_text().splitlines(keepends=True)
    lines[7] = lines[7].replace("number 7", "poison")
    (colour_data / "mentions.jsonl").write_text("".join(lines))
    grid = colour_grid(colour_data, linkers=[f"{LINKER}:BrokenLinker"], tasks=["T2T"], attacks=["clean"])
    assert run(grid, tmp_path).errors == 1
    errors = [row["error"] for row in rows(tmp_path)["T2T", "clean", "clean"]]
    assert errors[7] == "linker: ValueError: cannot read this"
    assert errors.count(None) == 17


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"linkers": [f"{LINKER}:BrokenLinker"], "tasks": ["I2T"]},
            "needs gradients and linker BrokenLinker has none. Set source",
        ),
        ({"linkers": [f"{LINKER}:TextLinker"], "attacks": ["clean"]}, "cannot do task I2T"),
        ({"linkers": ["clip-wrld"]}, 'Did you mean "clip-world"?'),
        ({"attacks": [{"name": "pgd", "eps": 8}]}, "did you mean 8/255"),
        ({"attacks": [{"name": "pgd", "step": 8}]}, 'no parameter "step"'),
        ({"attacks": [{"name": "pgd", "strength": "extreme"}]}, "extreme"),
        ({"attacks": ["pgd", "pgd-x"]}, "unknown attack"),
        ({"attacks": [{"name": "pgd", "drop_fooled": True}]}, "drop_fooled"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(
    colour_data: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(colour_grid(colour_data, **change), tmp_path)
    assert said in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_all_problems_are_told_at_once(colour_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 problems") as caught:
        run(colour_grid(colour_data, linkers=["nobody"], attacks=["nothing"], candidates="none"), tmp_path)
    assert all(one in str(caught.value) for one in ("nobody", "nothing", '"none"'))


def test_a_set_of_dropped_images_serves_the_cell_it_was_made_for(colour_data: Path, tmp_path: Path) -> None:
    attack = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 10, "drop_fooled": True}
    assert run(colour_grid(colour_data, tasks=["I2T"], attacks=[attack]), tmp_path).errors == 0


def test_pruned_images_are_made_again_for_a_new_reader(colour_data: Path, tmp_path: Path) -> None:
    run(colour_grid(colour_data, keep="none"), tmp_path)
    assert not _images(tmp_path / "store")
    assert run(colour_grid(colour_data, keep="none"), tmp_path).made == 0
    wider = colour_grid(colour_data, linkers=[{"name": f"{LINKER}:ColourLinker", "label": "colour"}, {"name": f"{LINKER}:ColourLinker", "label": "deaf", "text_weight": 0.0}])  # fmt: skip
    transfer = [{"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 10, "source": "colour", "label": "pgd"}]
    run(
        colour_grid(
            colour_data, linkers=[dict(name=one.name, label=one.label, **one.params) for one in wider.linkers], attacks=transfer
        ),
        tmp_path,
    )
    assert _images(tmp_path / "store")


def test_a_second_process_on_the_same_run_folder_gives_up(colour_data: Path, tmp_path: Path) -> None:
    from robustmel.run.locks import hold

    with hold(tmp_path / "out" / "run.lock", "it", wait=False), pytest.raises(MissingError, match=f"process {os.getpid()}"):
        run(colour_grid(colour_data), tmp_path)


def test_a_transferred_set_holds_the_attack_s_last_images(colour_data: Path, tmp_path: Path) -> None:
    """What fails on its source may still fool another, so the input is not handed back."""
    weak = {"name": "pgd", "eps": "5/255", "step_size": 0.01, "steps": 2, "label": "weak"}
    two = [
        {"name": f"{LINKER}:ColourLinker", "label": label, "text_weight": weight} for label, weight in (("a", 0.2), ("b", 0.1))
    ]
    for source, changed in (("victim", 0.0), ("a", 5 / 255)):
        grid = colour_grid(colour_data, linkers=two, tasks=["I2T"], attacks=[{**weak, "source": source}])
        run(grid, tmp_path, f"out {source}", f"store {source}")
        for log in (tmp_path / f"store {source}").glob("variant/*/*/log.parquet"):
            assert max(pq.read_table(log)["linf"].to_pylist()) == pytest.approx(changed, abs=1e-6)


def test_a_strength_with_other_parameters_is_not_called_by_its_name(colour_data: Path) -> None:
    attacks = [{"name": "pgd", "strength": "strong"}, {"name": "pgd", "strength": "strong", "steps": 400}]
    assert [spec.title for spec in colour_grid(colour_data, attacks=attacks).attacks] == [
        "clean",
        "pgd-strong",
        "pgd-strong (steps=400)",
    ]
