"""Faults that are planted are found, and nothing is said against honest sets."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.audit.conftest import SIDE, Set, scene, shifted, through_jpeg

from robustmel.audit import Audit, audit
from robustmel.audit.change import Budget
from robustmel.cli.entry import run
from robustmel.errors import MissingError, UsageError
from robustmel.images import write_png

EIGHT = Budget("linf", 8 / 255)


def look(checked: Set, budget: Budget | None = EIGHT) -> Audit:
    return audit(checked.folder, checked.clean_folder, budget, linkers=())


def kinds(found: Audit, name: str = "m1") -> set[str]:
    return {finding.kind for finding in found.findings if name in finding.images}


def over(checked: Set) -> None:
    checked.images["m1"] = shifted(checked.clean["m1"], 1, 16)


def cut_off(checked: Set) -> None:
    change = 8 * np.random.default_rng(3).choice([-1, 1], (SIDE, SIDE, 3)) - 0.004  # floats a hair off, then truncated
    checked.images["m1"] = np.floor(checked.clean["m1"] + change).astype(np.uint8)


def stored_as_jpeg(checked: Set) -> None:
    checked.images["m1"] = through_jpeg(checked.images["m1"], 75)


def resized(checked: Set) -> None:
    smaller = Image.fromarray(checked.images["m1"]).resize((SIDE // 2, SIDE // 2))
    checked.images["m1"] = np.asarray(smaller)


def copied(checked: Set) -> None:
    checked.images["m1"] = checked.clean["m2"]


def repeated(checked: Set) -> None:
    checked.images["m1"] = checked.images["m0"]


def unchanged(checked: Set) -> None:
    checked.images["m1"] = checked.clean["m1"]


def without_clean(checked: Set) -> None:
    del checked.clean["m1"]


PLANTED: list[tuple[Callable[[Set], None], str]] = [
    (over, "over"),
    (cut_off, "rounding"),
    (stored_as_jpeg, "jpeg"),
    (resized, "resized"),
    (copied, "copy"),
    (repeated, "repeat"),
    (unchanged, "unchanged"),
    (without_clean, "no_clean"),
]


@pytest.mark.parametrize(("plant", "kind"), PLANTED)
def test_a_planted_fault_is_found_and_nothing_else_blamed(plain: Set, plant: Callable[[Set], None], kind: str) -> None:
    plant(plain)
    found = look(plain.write())
    assert kind in kinds(found)
    assert not found.sound
    assert all(finding.images == ("m1",) for finding in found.findings)


def test_faults_of_files_are_found(plain: Set) -> None:
    published = plain.publish()
    (published.folder / "images" / "m0.png").write_bytes(b"\x89PNG torn")
    write_png(published.folder / "images" / "m1.png", shifted(scene(1), 77))
    (published.folder / "images" / "m2.png").unlink()
    found = look(published, None)
    assert kinds(found, "m0") == {"unreadable", "altered"}
    assert kinds(found, "m1") == {"altered"}
    assert kinds(found, "m2") == {"missing"}
    assert kinds(found, "m3") == set()


def test_a_file_of_jpeg_is_one_whatever_it_is_called(plain: Set) -> None:
    plain.write()
    Image.fromarray(plain.images["m1"]).save(plain.folder / "m1.png", format="JPEG", quality=100)
    assert "jpeg" in kinds(look(plain, Budget("linf", 1.0)))


def test_tensors_outside_the_pixel_range_are_found(plain: Set) -> None:
    plain.write_tensors()
    torch.save(torch.load(plain.folder / "m1.pt") * 2 - 1, plain.folder / "m1.pt")
    assert {"outside", "over"} <= kinds(look(plain))


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_said_against_honest_sets(tmp_path: Path, seed: int) -> None:
    levels = (2, 8, 51)[seed % 3]
    honest, budget = Set(tmp_path, seed, levels), Budget("linf", levels / 255)
    if seed % 4 == 1:  # photographs come as JPEG
        honest.clean = {name: through_jpeg(pixels, 60 + seed) for name, pixels in honest.clean.items()}
        honest.images = {name: shifted(pixels, seed, levels) for name, pixels in honest.clean.items()}
    if seed % 4 == 2:
        length = levels / 255 * math.sqrt(SIDE * SIDE * 3)
        budget = Budget("l2", length)
    if seed % 4 == 3:  # several mentions of one image, and attacks that failed
        honest.clean["m2"], honest.images["m2"] = honest.clean["m1"], honest.images["m1"]
        honest.images["m3"] = honest.clean["m3"]
        found = look(honest.publish(succeeded=False), budget)
        assert found.failed == ("m3",)
    elif seed % 2:
        found = look(honest.write(), budget)
    else:
        found = look(honest.write_tensors((torch.float32, torch.uint8, torch.float64)[seed % 3], seed % 4 == 0), budget)
    assert found.sound, [str(finding) for finding in found.findings]
    assert len(found.changes) == 4


def test_norms_are_those_of_the_pixels(plain: Set) -> None:
    pixels = plain.clean["m1"].copy()
    pixels[3, 4] += np.array([3, 0, 4], dtype=np.uint8)
    plain.images["m1"] = pixels
    change = look(plain.write()).changes["m1"]
    assert change.linf == pytest.approx(4 / 255)
    assert change.l2 == pytest.approx(5 / 255)


def test_a_set_whose_log_claims_success_has_no_unchanged_images(plain: Set) -> None:
    unchanged(plain)
    assert kinds(look(plain.publish(succeeded=True), None)) == {"unchanged"}
    assert kinds(look(plain.publish(succeeded=True, linf=0.01), None)) == {"unchanged"}


def test_an_image_that_its_source_was_wrong_about_needs_no_change(plain: Set) -> None:
    unchanged(plain)
    found = look(plain.publish(succeeded=True, linf=0.0), None)
    assert found.sound
    assert (len(found.wrong_before), found.failed) == (1, ())


def test_a_batch_in_one_tensor_is_compared_with_a_batch(plain: Set, tmp_path: Path) -> None:
    for name, images in (("set", plain.images), ("clean", plain.clean)):
        stack = torch.from_numpy(np.stack(list(images.values()))).permute(0, 3, 1, 2)
        (tmp_path / name).mkdir()
        torch.save(stack, tmp_path / name / "batch.pt")
    found = audit(tmp_path / "set", tmp_path / "clean", EIGHT, linkers=())
    assert found.sound
    assert sorted(found.changes) == [f"batch[{place}]" for place in range(4)]


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.trace), "w")


@pytest.mark.parametrize(
    "held", ["code", {"pixels": torch.zeros(3, 4, 4)}, torch.zeros(4, 4), torch.zeros(3, 4, 4, dtype=torch.int64)]
)
def test_a_tensor_file_holds_images_alone_and_no_code_runs(plain: Set, held: object, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    plain.write()
    (plain.folder / "m1.png").unlink()
    torch.save(Evil(trace) if held == "code" else held, plain.folder / "m1.pt")
    found = look(plain)
    assert kinds(found) == {"unreadable"}
    assert not trace.exists()


@pytest.mark.parametrize(
    ("text", "norm", "length"),
    [("8/255", "linf", 8 / 255), ("0.2", "linf", 0.2), ("l2=3", "l2", 3.0), ("8/255 rms", "rms", 8 / 255)],
)
def test_budgets_are_read_as_sets_state_them(text: str, norm: str, length: float) -> None:
    assert Budget.parse(text) == Budget(norm, pytest.approx(length))  # type: ignore[arg-type]


def test_what_cannot_be_a_budget_or_a_set_is_refused(plain: Set, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='budget "eight" is not one'):
        Budget.parse("eight")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingError, match="no images in"):
        audit(tmp_path / "empty", plain.write().clean_folder)


def test_the_command_ends_with_one_where_something_is_wrong(
    plain: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    over(plain)
    plain.write()
    asked = ["audit", str(plain.folder), "--clean", str(plain.clean_folder), "--budget", "8/255", "--no-linkers"]
    assert run([*asked, "--out", str(tmp_path / "rows.jsonl")]) == 1
    assert (
        "1 image further from the clean one than the set claims (Linf 8/255; the largest are 16.0/255): m1."
        in capsys.readouterr().out
    )
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [row["findings"] for row in rows] == [[], ["over"], [], []]
    assert run([*asked, "--json", "--budget", "16/255"]) == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert only["findings"] == []
